import type { Sampling } from '../../contracts/sampling.ts';
import type { GenerateRequest, Prompt } from '../engine.ts';
import type { Dialect } from './dialect.ts';
import type { ModelPrompts } from './model-prompts.ts';
import type { ServiceClient } from './service-client.ts';
import { invalidAnswer, streamError } from './service-errors.ts';
import type { ServiceEvent } from './service-events.ts';
import { readFrames } from './service-stream.ts';
import { isRecord } from './service-values.ts';
import { eventOfFrame } from './tgi-answer.ts';
import { refuseAtTgi, tgiParameters } from './tgi-request.ts';
import { AppError } from '../../contracts/app-error.ts';

export interface TgiInformation {
  /** As it was started: a repository of the Hub, or a folder. */
  model: string;
  isOfHub: boolean;
  contextTokens: number | null;
  mostPromptTokens: number | null;
  maxStops: number;
  release: string;
}

export interface TgiParts {
  client: ServiceClient;
  model: string;
  information: TgiInformation;
  prompts: () => ModelPrompts;
}

export const tgiSampling: readonly (keyof Sampling)[] = [
  ...(['temperature', 'topK', 'topP', 'typicalP', 'repetitionPenalty', 'frequencyPenalty'] as const),
  ...(['seed', 'maxNewTokens', 'stop', 'logprobs', 'jsonSchema'] as const),
];

/** TGI's own protocol: one text in, and out token by token. The prompt is written here, in the model's format. */
export function createTgiDialect({ client, model, information, prompts }: TgiParts): Dialect {
  const { provider } = client;
  return {
    sampling: tgiSampling,
    // The text is ours to end or to leave open.
    continueAnswer: true,
    get template() {
      return prompts().template;
    },
    contextTokens: information.contextTokens,
    mostPromptTokens: information.mostPromptTokens,
    title: information.release,
    countsExactly: () => prompts().countsExactly,
    count: (prompt) => prompts().count(prompt),
    async stream(request, onEvent, signal) {
      refuseAtTgi(provider.name, request.sampling);
      const { text, stop } = await inputOf(provider.name, request.prompt, prompts());
      onEvent({ stops: stop });
      const parameters = tgiParameters(request.sampling, stop, information.maxStops);
      const body = { inputs: text, parameters };
      const accept = 'text/event-stream';
      const answer = await client.open('/generate_stream', { body, signal, model, isApiKnown: true, accept });
      const reader = createFrameReader(client, request, onEvent);
      await readFrames(provider, answer, reader.take);
      if (!reader.hasFinished) throw invalidAnswer(provider, 'ended the answer in the middle');
    },
  };
}

async function inputOf(provider: string, prompt: Prompt, prompts: ModelPrompts) {
  if (prompt.kind === 'chat') return prompts.compose(prompt);
  if (prompt.kind === 'raw') return { text: prompt.text, stop: [] };
  throw new AppError('unsupported-field', `${provider} takes text, no token ids.`, {
    details: { provider, field: 'prompt' },
  });
}

function createFrameReader(
  client: ServiceClient,
  request: GenerateRequest,
  onEvent: (event: ServiceEvent) => void,
) {
  const { provider } = client;
  const withTokens = request.sampling.logprobs !== undefined;
  let hasFinished = false;
  return {
    get hasFinished() {
      return hasFinished;
    },
    take: (frame: unknown): void => {
      if (!isRecord(frame)) throw invalidAnswer(provider, 'sends frames that are no objects');
      if (typeof frame['error'] === 'string') throw streamError(provider, frame, '');
      const event = eventOfFrame(frame, withTokens);
      if (event.finish) hasFinished = true;
      onEvent(event);
    },
  };
}
