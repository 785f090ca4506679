import { createHash } from 'node:crypto';
import { toAppError } from '../../contracts/app-error.ts';
import type { Sampling } from '../../contracts/sampling.ts';
import type { HttpResponse } from '../../net/http-client.ts';
import type { TemplateDescription } from '../../prompts/template-description.ts';
import type { GenerateRequest } from '../engine.ts';
import type { Dialect } from './dialect.ts';
import { fieldsFor, hiddenTokensOf, type Flavour } from './flavours.ts';
import { eventOfChunk } from './openai-answer.ts';
import { chatBody, isOpenAnswer, rawBody, type RequestParts } from './openai-request.ts';
import type { ServiceModel } from './remote-provider.ts';
import type { ServiceClient } from './service-client.ts';
import {
  brokenOffError,
  invalidAnswer,
  mayBeAboutPrefill,
  prefillRefused,
  streamError,
} from './service-errors.ts';
import { readFrames } from './service-stream.ts';
import type { OnEvent } from './service-events.ts';
import type { ModelPrompts } from './model-prompts.ts';
import { isRecord } from './service-values.ts';

export interface OpenAiParts {
  client: ServiceClient;
  model: string;
  flavour: Flavour;
  /** The model in the service's list; null where it is not in it. */
  listed: ServiceModel | null;
  /** The service's list could be read. */
  isApiKnown: boolean;
  prompts: () => ModelPrompts;
}

/** Every server that speaks `/chat/completions`. */
export function createOpenAiDialect(parts: OpenAiParts): Dialect {
  const { client, model, flavour, listed, prompts } = parts;
  let request: RequestParts = {
    provider: client.provider,
    model,
    flavour,
    fields: fieldsFor(flavour, model, listed),
  };
  return {
    ...commonParts(request, listed, prompts),
    get continueAnswer() {
      return request.flavour.prefill !== null;
    },
    async stream(asked, onEvent, signal) {
      const sent = request;
      let answer: HttpResponse;
      try {
        answer = await openAnswer(parts, sent, { asked, signal });
      } catch (error) {
        const refusal = toAppError(error);
        const isPrefilled = sent.flavour.prefill !== null && isOpenAnswer(asked.prompt);
        if (!isPrefilled || !mayBeAboutPrefill(refusal)) throw error;
        const unprefilled = { ...sent, flavour: { ...flavour, prefill: null } };
        // What goes on by itself was asked for before, and taken; so what is refused is the text that stands last.
        if (asked.drawnTokens !== undefined) {
          request = unprefilled;
          throw prefillRefused(refusal);
        }
        answer = await openAnswer(parts, unprefilled, { asked, signal });
        request = unprefilled;
        onEvent({ isAskedAnew: true });
      }
      const reader = createChunkReader(request, onEvent);
      const isDone = await readFrames(client.provider, answer, reader.take);
      if (!isDone && !reader.hasFinished)
        throw invalidAnswer(client.provider, 'ended the answer in the middle');
    },
  };
}

async function openAnswer(
  { client, model, isApiKnown }: OpenAiParts,
  request: RequestParts,
  { asked, signal }: { asked: GenerateRequest; signal: AbortSignal },
): Promise<HttpResponse> {
  const { prompt } = asked;
  const isChat = prompt.kind === 'chat';
  const body = isChat ? chatBody(request, asked, prompt) : rawBody(request, asked, prompt);
  const path = `${apiRoot(client.provider.url)}${isChat ? '/chat/completions' : '/completions'}`;
  return client.open(path, { body, signal, model, isApiKnown, accept: 'text/event-stream' });
}

/** What this kind and Hugging Face's have in common. */
export function commonParts(
  { flavour, fields, model, provider }: RequestParts,
  listed: ServiceModel | null,
  prompts: () => ModelPrompts,
): Omit<Dialect, 'stream' | 'continueAnswer'> {
  return {
    // Stop strings are found here as well, so they hold where the service does not take them.
    sampling: [...new Set([...(Object.keys(fields) as (keyof Sampling)[]), 'stop' as const])],
    template: serviceTemplate(provider.kind, model),
    contextTokens: listed?.contextTokens ?? null,
    refusesTooLong: flavour.refusesTooLong === true,
    endsByLength: hiddenTokensOf(flavour, model) === 0,
    title: flavour.title,
    countsExactly: () => prompts().countsExactly,
    count: (prompt) => prompts().count(prompt),
  };
}

/** Hands on what chunks say; one with an error in it, or one that breaks the answer off, throws. */
export function createChunkReader({ provider, model }: RequestParts, onEvent: OnEvent) {
  let hasFinished = false;
  return {
    get hasFinished() {
      return hasFinished;
    },
    take: (chunk: unknown): void => {
      if (!isRecord(chunk)) throw invalidAnswer(provider, 'sends frames that are no objects');
      if (isError(chunk)) throw streamError(provider, chunk, model);
      const event = eventOfChunk(chunk);
      if (event.finish) hasFinished = true;
      onEvent(event);
      if (event.brokenOff) throw brokenOffError(provider, event.brokenOff);
    },
  };
}

/** OpenRouter sends its error beside an empty choice, vLLM without any. */
function isError(chunk: Record<string, unknown>): boolean {
  const isOld = chunk['object'] === 'error';
  return isOld || (chunk['error'] !== undefined && chunk['error'] !== null);
}

/** People give the address with `/v1` and without; where there is any path, it is theirs. */
export function apiRoot(url: string): string {
  return new URL(url).pathname === '/' ? '/v1' : '';
}

function serviceTemplate(kind: string, model: string): TemplateDescription {
  const hash = createHash('sha256').update(`${kind}:${model}`).digest('hex');
  return { source: 'service', name: 'service', hash, findings: [] };
}
