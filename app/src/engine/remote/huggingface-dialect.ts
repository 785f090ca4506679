import type { HttpResponse } from '../../net/http-client.ts';
import type { Dialect } from './dialect.ts';
import { commonParts, createChunkReader, type OpenAiParts } from './openai-dialect.ts';
import { chatBody, rawBody, type RequestParts } from './openai-request.ts';
import type { RemoteProvider } from './remote-provider.ts';
import type { ServiceClient } from './service-client.ts';
import { invalidAnswer, streamError } from './service-errors.ts';
import { isRecord } from './service-values.ts';

/**
 * Hugging Face's router through its own client, which knows its addresses and headers. It is given a fetch that goes
 * through our checked client, so that the key, redirects, addresses and errors are treated as everywhere else.
 */
export function createHuggingfaceDialect(parts: OpenAiParts): Dialect {
  const { client, model, flavour, listed, prompts, isApiKnown } = parts;
  const { provider } = client;
  const request: RequestParts = { provider, model, flavour, fields: flavour.fields };
  return {
    ...commonParts(request, listed, prompts),
    continueAnswer: flavour.prefill !== null,
    async stream(asked, onEvent, signal) {
      const { prompt } = asked;
      // Refuses a raw prompt by name: the router has chats only.
      const body =
        prompt.kind === 'chat' ? chatBody(request, asked, prompt) : rawBody(request, asked, prompt);
      const { InferenceClient } = await import('@huggingface/inference');
      const ended = new AbortController();
      const fetch = checkedFetch(client, {
        model,
        isApiKnown,
        signal: AbortSignal.any([signal, ended.signal]),
      });
      const chunks = new InferenceClient(provider.key).chatCompletionStream(
        { ...(body as { model: string; messages: [] }), endpointUrl: provider.url },
        { fetch, retry_on_error: false },
      );
      const reader = createChunkReader(request, onEvent);
      try {
        for await (const chunk of chunks) reader.take(chunk);
      } catch (error) {
        throw libraryError(provider, error, model);
      } finally {
        ended.abort();
      }
      if (!reader.hasFinished) throw invalidAnswer(provider, 'ended the answer in the middle');
    },
  };
}

interface Asking {
  model: string;
  isApiKnown: boolean;
  signal: AbortSignal;
}

/** Of what the library wants to send only path and body go out. Failures are thrown before it sees them. */
function checkedFetch(client: ServiceClient, asking: Asking): typeof fetch {
  return async (input, init) => {
    const url = typeof input === 'string' ? input : '';
    const path = url.slice(client.provider.url.length);
    const body = typeof init?.body === 'string' ? init.body : '';
    const answer = await client.open(path, { ...asking, body, accept: 'text/event-stream' });
    return new Response(ReadableStream.from(bounded(client.provider, answer)), {
      headers: { 'content-type': 'text/event-stream' },
    });
  };
}

/** The library keeps a line until it ends: one that does not is cut here. */
const maxLineBytes = 4 << 20;
const lineFeed = 10;

async function* bounded(provider: RemoteProvider, answer: HttpResponse): AsyncIterable<Uint8Array> {
  let line = 0;
  for await (const chunk of answer.body) {
    const at = chunk.lastIndexOf(lineFeed);
    line = at < 0 ? line + chunk.length : chunk.length - at;
    if (line > maxLineBytes) throw invalidAnswer(provider, 'sends a frame that does not end');
    yield chunk;
  }
}

/** What the library itself found wrong: an error in the middle of the stream, or something that is not JSON. */
function libraryError(provider: RemoteProvider, error: unknown, model: string): unknown {
  if (error instanceof SyntaxError)
    return invalidAnswer(provider, 'answered with something that is not JSON', { cause: error });
  const response = isRecord(error) ? error['httpResponse'] : undefined;
  return isRecord(response) ? streamError(provider, response['body'], model) : error;
}
