import { modelRoutes } from '../../contracts/api/models.ts';
import { errorCodes } from '../../contracts/error-codes.ts';
import type { Preflight } from '../../contracts/models.ts';
import { formatBytes } from '../../lib/format-bytes.ts';
import type { Command } from '../command.ts';
import type { Output } from '../render/output.ts';
import { absoluteReference } from './absolute-reference.ts';

export const checkCommand: Command = {
  name: 'check',
  arguments: [{ name: '<reference>', about: 'owner/name[@revision][+owner/adapter…][:quantisation]' }],
  about:
    'Say what pulling a model would fetch and need, without doing it: gate, licence, disk, memory, speed.',
  options: [{ flags: '--base <owner/name>', about: 'takes the place of the base that an adapter names' }],
  settings: ['hubEndpoint', 'hubOffline', 'contextTokens'],
  async run(context, input) {
    const { config, output, signal } = context;
    const api = await context.api();
    const { method, path } = modelRoutes.preflight;
    const [reference = ''] = input.arguments;
    const { base } = input.options;
    // A server that runs has a context of its own; whoever names another here is asked about that one.
    const isNamed = ['flag', 'environment'].includes(config.sources.contextTokens);
    const body = {
      reference: absoluteReference(reference),
      ...(base === undefined ? {} : { base: String(base) }),
      ...(isNamed ? { contextTokens: config.contextTokens } : {}),
    };
    const report = await api.request<Preflight>(method, path, { body, signal });
    print(report, output);
    output.json(report);
    if (report.verdict === 'will-not-fit') process.exitCode = errorCodes['model-does-not-fit'].exit;
  },
};

const verdicts = { fits: 'fits', tight: 'is tight', 'will-not-fit': 'will not fit' } as const;
const colours = { fits: 'green', tight: 'yellow', 'will-not-fit': 'red' } as const;
const actions = {
  ready: 'is here already',
  fetch: 'a finished file is fetched',
  convert: 'weights are fetched, merged and quantised in one pass',
} as const;

function print(report: Preflight, output: Output): void {
  const row = (name: string, value: string): void => output.line(`${name.padEnd(10)} ${value}`);
  output.line(`${output.style('bold', report.id)}: ${actions[report.action]}`);
  row('licence', `${report.licence ?? 'not stated'}${report.gated ? ', gated' : ''}`);
  for (const { name, sizeBytes, cached } of report.files) {
    row('file', `${name}, ${formatBytes(sizeBytes)}${cached ? ', here already' : ''}`);
  }
  row('download', formatBytes(report.downloadBytes));
  row('result', `${formatBytes(report.resultBytes)}, ${report.quantisation}, ${report.architecture ?? ''}`);
  const { disk, memory } = report;
  row('disk', `${formatBytes(disk.needBytes)} of ${formatBytes(disk.freeBytes)} free: ${verdicts[disk.fit]}`);
  if (memory !== null) {
    row(
      'memory',
      `${formatBytes(memory.totalBytes)} with ${memory.contextTokens} tokens of context, ${formatBytes(memory.availableBytes)} available: ${verdicts[memory.fit]}`,
    );
  }
  if (report.tokensPerSecond !== null) row('speed', `about ${report.tokensPerSecond} tokens/s on this CPU`);
  for (const note of report.notes) row('note', note);
  output.line(output.style(colours[report.verdict], `It ${verdicts[report.verdict]}.`));
}
