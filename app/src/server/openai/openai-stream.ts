import type { FastifyReply, FastifyRequest } from 'fastify';
import type { RunPart, TokenLogprob } from '../../contracts/run-parts.ts';
import { startedParts, type OpenedCompletion } from '../completions.ts';
import { errorBody } from '../error-answers.ts';
import { ignoredObject } from '../field-names.ts';
import { dataBlock, openSse, type SseWriter } from '../sse-writer.ts';
import { finishReason, timingsObject, usageObject } from './openai-answers.ts';

export interface StreamShape {
  /** Fields of every chunk. */
  base: Record<string, unknown>;
  includeUsage: boolean;
  returnProgress: boolean;
  /** A choice with this much text, and the tokens in it when they were asked for. */
  choice(text: string, tokens: TokenLogprob[] | null): object;
  /** Before the first text; null: none. */
  opening: object | null;
  closing(finish: string, stopReason: string | null): object;
  withLogprobs: boolean;
  /** The request as it came. */
  sent: object;
}

class ChunkWriter {
  readonly #writer: SseWriter;
  readonly #shape: StreamShape;
  #tokens: TokenLogprob[] = [];

  constructor(writer: SseWriter, shape: StreamShape) {
    this.#writer = writer;
    this.#shape = shape;
  }

  send(choices: object[], more: object = {}): Promise<boolean> {
    const usage = this.#shape.includeUsage ? { usage: null } : {};
    return this.#writer.write(dataBlock({ ...this.#shape.base, choices, ...usage, ...more }));
  }

  /** False: nobody reads any more. */
  async part(part: RunPart): Promise<boolean> {
    if (part.type === 'token') this.#tokens.push(part.token);
    if (part.type === 'prompt-progress' && this.#shape.returnProgress) {
      const { total, processed, cached } = part;
      return this.send([], { prompt_progress: { total, processed, cache: cached } });
    }
    if (part.type !== 'text-delta') return true;
    const tokens = this.#shape.withLogprobs ? this.#tokens : null;
    this.#tokens = [];
    return this.send([this.#shape.choice(part.text, tokens)]);
  }
}

/** Streams an answer in chunks. What fails before the first part is an ordinary error answer. */
export async function streamCompletion(
  request: FastifyRequest,
  reply: FastifyReply,
  { opened, shape }: { opened: OpenedCompletion; shape: StreamShape },
): Promise<void> {
  const parts = await startedParts(opened);
  reply.hijack();
  const writer = openSse(reply.raw, { headers: { 'x-request-id': request.id } });
  const chunks = new ChunkWriter(writer, shape);
  if (shape.opening) await chunks.send([shape.opening]);
  for await (const part of parts) {
    if (!(await chunks.part(part))) return;
  }
  const { reason, stopString, usage, timings, error } = opened.outcome;
  if (error) {
    await writer.write(dataBlock(errorBody('openai', error, request.id)));
  } else {
    const counted = timingsObject(timings, usage);
    await chunks.send([shape.closing(finishReason(reason), stopString)], {
      ...ignoredObject(opened.ignoredSampling, shape.sent),
      ...(counted ? { timings: counted } : {}),
    });
    if (shape.includeUsage) await chunks.send([], { usage: usageObject(usage, opened.promptTokens) });
  }
  await writer.write('data: [DONE]\n\n');
  writer.end();
}
