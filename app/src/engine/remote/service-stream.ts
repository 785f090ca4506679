import { createParser } from 'eventsource-parser';
import type { HttpResponse } from '../../net/http-client.ts';
import type { RemoteProvider } from './remote-provider.ts';
import { parse } from './service-client.ts';
import { invalidAnswer, transportError } from './service-errors.ts';

/** A frame holds one token, or the whole text at a TGI's end; more than this is no frame. */
const maxFrameCharacters = 4 << 20;
const done = '[DONE]';

/**
 * Calls `onFrame` for each JSON object of a stream until it ends. Resolves true where the service itself said that it
 * is done; false: the connection merely ended, perhaps inside a frame.
 */
export async function readFrames(
  provider: RemoteProvider,
  answer: HttpResponse,
  onFrame: (frame: unknown) => void,
): Promise<boolean> {
  let isDone = false;
  const parser = createParser({
    maxBufferSize: maxFrameCharacters,
    onEvent: ({ data }) => {
      if (isDone) return;
      if (data === done) isDone = true;
      else onFrame(parse(provider, data));
    },
    onError: (error) => {
      if (error.type === 'max-buffer-size-exceeded')
        throw invalidAnswer(provider, 'sends a frame that does not end');
    },
  });
  const decoder = new TextDecoder();
  try {
    for await (const chunk of answer.body) {
      parser.feed(decoder.decode(chunk, { stream: true }));
      if (isDone) return true;
    }
  } catch (error) {
    throw transportError(provider, error);
  }
  return isDone;
}
