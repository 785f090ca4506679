import type { ShownModel } from '../../contracts/api/models.ts';
import { modelRoutes } from '../../contracts/api/models.ts';
import type { ModelDetails } from '../../contracts/models.ts';
import { formatBytes } from '../../lib/format-bytes.ts';
import type { Command } from '../command.ts';
import { absoluteReference } from './absolute-reference.ts';

export const showCommand: Command = {
  name: 'show',
  arguments: [{ name: '<reference>', about: 'a model of the list' }],
  about: 'Show a model: architecture, sizes, template, licence, adapters, where it came from.',
  async run(context, input) {
    const { output, signal } = context;
    const api = await context.api();
    const { method, path } = modelRoutes.show;
    const [reference = ''] = input.arguments;
    const shown = await api.request<ShownModel>(
      method,
      path.replace(':model', encodeURIComponent(absoluteReference(reference))),
      { signal },
    );
    output.line(output.style('bold', shown.id));
    if (shown.details === null) output.line(`answered by the service ${shown.provider ?? ''}`);
    else for (const [name, value] of describe(shown.details)) output.line(`${name.padEnd(14)} ${value}`);
    for (const fault of shown.templateFaults) output.line(`${'template fault'.padEnd(14)} ${fault}`);
    if (shown.details !== null && shown.details.template !== null) {
      output.line('template');
      output.line(shown.details.template);
    }
    output.json(shown);
  },
};

type Details = Omit<ModelDetails, 'path'>;

function describe(details: Details): [string, string][] {
  const types = Object.entries(details.tensorTypes).map(([type, bytes]) => `${type} ${formatBytes(bytes)}`);
  const { merged, adapters } = details;
  return [
    ['name', details.name],
    ['architecture', `${details.architecture}, ${details.layers} layers, width ${details.embeddingLength}`],
    ['heads', `${details.headCount}, ${details.headCountKv} for keys and values`],
    ['parameters', `${(details.parameters / 1e6).toFixed(1)} M`],
    ['type', `${details.quantisation} (${types.join(', ')})`],
    ['size', formatBytes(details.sizeBytes)],
    ['context', `${details.trainedContextTokens} tokens`],
    ['vocabulary', `${details.vocabularySize} tokens (${details.tokenizer})`],
    ['licence', details.licence ?? 'not stated'],
    ['from', originOf(details)],
    ['sha256', details.sha256],
    ...(merged.length === 0
      ? []
      : [
          ['merged', merged.map(({ reference, weight }) => `${reference} × ${weight}`).join(', ')] as [
            string,
            string,
          ],
        ]),
    ...(adapters.length === 0
      ? []
      : [['adapters', adapters.map(({ id }) => id).join(', ')] as [string, string]]),
  ];
}

function originOf({ origin }: Details): string {
  switch (origin.kind) {
    case 'hub':
      return `${origin.endpoint}/${origin.repository} at ${origin.commit}`;
    case 'import':
      return origin.path;
    case 'bundled':
      return 'comes with Corral';
  }
}
