import { AppError, toAppError } from '../../contracts/app-error.ts';
import type { Log } from '../../lib/log.ts';
import { createPartChannel, type PartChannel } from '../part-channel.ts';
import type { EngineProcess, ProcessExit } from './child-process.ts';
import { createFrameReader, encodeFrame } from './frames.ts';
import { replySchema, type EngineReply, type EngineRequest, type WireGenerateRequest } from './protocol.ts';
import { resultSchemas, type ResultOf } from './protocol-results.ts';
import { createSignalReader, encodeCancel } from './signals.ts';
import type { Watchdog } from './watchdog.ts';

type AskableType = keyof typeof resultSchemas;
type Question<Type extends AskableType> = Omit<Extract<EngineRequest, { type: Type }>, 'ticket' | 'type'>;

/** Talks with one engine process. Once it has gone, everything that waited ends and nothing more is asked. */
export interface EngineConnection {
  ask<Type extends AskableType>(
    type: Type,
    question: Question<Type>,
    signal?: AbortSignal,
  ): Promise<ResultOf<Type>>;
  generate(request: WireGenerateRequest): { channel: PartChannel; cancel: () => void };
  onLoadProgress: ((fraction: number) => void) | null;
  /** Resolves with the reason when it has gone; never rejects. */
  readonly gone: Promise<AppError>;
  /** Ends the process; `reason` is what everybody hears. */
  destroy(reason: AppError): void;
}

export interface ConnectionOptions {
  process: EngineProcess;
  watchdog: Watchdog;
  log: Log;
  /** Why a process that ended by itself did so. */
  explainExit(exit: ProcessExit): AppError;
}

interface Waiting {
  type: AskableType;
  resolve: (value: never) => void;
  reject: (error: AppError) => void;
}

/** Far above what one person's machine asks at once; more is a fault of ours. */
const maxInFlight = 10_000;
/** Characters and parts of one answer: the longest context, many times over. */
const maxReceived = 256 * 1024 * 1024;

export class ProcessConnection implements EngineConnection {
  onLoadProgress: ((fraction: number) => void) | null = null;
  readonly gone: Promise<AppError>;
  readonly #options: ConnectionOptions;
  readonly #waiting = new Map<number, Waiting>();
  readonly #channels = new Map<number, { channel: PartChannel; received: number }>();
  #lastTicket = 0;
  #reason: AppError | null = null;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const frames = createFrameReader();
    const signals = createSignalReader();
    const { process: child, watchdog } = options;
    child.main.on('data', (chunk: Buffer) =>
      this.#guarded(() => frames.push(chunk).forEach((body) => this.#read(body))),
    );
    child.signals.on('data', (chunk: Buffer) => {
      for (const signal of signals.push(chunk)) if (signal.kind === 'beat') watchdog.beat(signal.beat);
    });
    this.gone = child.exited.then((exit) => this.#leave(this.#reason ?? options.explainExit(exit)));
  }

  async ask<Type extends AskableType>(
    type: Type,
    question: Question<Type>,
    signal?: AbortSignal,
  ): Promise<ResultOf<Type>> {
    if (signal?.aborted === true) throw cancelled();
    this.#present();
    const ticket = this.#nextTicket();
    // What is too large to be sent is refused before anything waits for its answer.
    const frame = encodeFrame({ ...question, type, ticket });
    const answer = new Promise<ResultOf<Type>>((resolve, reject) => {
      this.#waiting.set(ticket, { type, resolve, reject });
    });
    this.#options.process.main.write(frame);
    return signal ? this.#cancellable(ticket, answer, signal) : answer;
  }

  /** The answer to a question that nobody waits for any more is read and dropped. */
  async #cancellable<Value>(ticket: number, answer: Promise<Value>, signal: AbortSignal): Promise<Value> {
    const cancel = (): void => {
      this.#options.process.signals.write(encodeCancel(ticket));
      this.#waiting.get(ticket)?.reject(cancelled());
    };
    signal.addEventListener('abort', cancel, { once: true });
    try {
      return await answer;
    } finally {
      // The signal may live as long as the server, and with it everything that its listeners hold.
      signal.removeEventListener('abort', cancel);
    }
  }

  generate(request: WireGenerateRequest): { channel: PartChannel; cancel: () => void } {
    this.#present();
    const ticket = this.#nextTicket();
    const frame = encodeFrame({ type: 'generate', ticket, request });
    const channel = createPartChannel();
    this.#channels.set(ticket, { channel, received: 0 });
    this.#options.process.main.write(frame);
    return { channel, cancel: () => this.#options.process.signals.write(encodeCancel(ticket)) };
  }

  destroy(reason: AppError): void {
    this.#reason ??= reason;
    this.#options.process.kill();
  }

  #present(): void {
    if (this.#reason) throw unavailable(this.#reason);
    if (this.#waiting.size + this.#channels.size > maxInFlight) {
      throw new AppError('rate-limited', 'The engine has too many requests at once.');
    }
  }

  #nextTicket(): number {
    this.#lastTicket = (this.#lastTicket % 0xffff_fffe) + 1;
    return this.#lastTicket;
  }

  /** A child that says what it must not is not asked again. */
  #guarded(read: () => void): void {
    if (this.#reason) return;
    try {
      read();
    } catch (error) {
      this.destroy(
        new AppError('engine-crashed', 'The engine said something that is no message and was ended.', {
          cause: error,
        }),
      );
    }
  }

  #read(body: unknown): void {
    const reply = replySchema.parse(body);
    this.#options.watchdog.heard();
    if (reply.type === 'parts') this.#readParts(reply.batches);
    else if (reply.type === 'log') this.#options.log[reply.level](reply.fields, reply.message.slice(0, 500));
    else if (reply.type === 'load-progress') {
      this.#options.watchdog.progress();
      this.onLoadProgress?.(reply.fraction);
    } else this.#settle(reply);
  }

  #readParts(batches: Extract<EngineReply, { type: 'parts' }>['batches']): void {
    for (const { ticket, parts } of batches) {
      const open = this.#channels.get(ticket);
      if (!open) continue;
      for (const part of parts) {
        open.channel.push(part);
        open.received += part.type === 'text-delta' ? part.text.length : 1;
        if (part.type === 'end') this.#channels.delete(ticket);
      }
      if (open.received > maxReceived) throw new TypeError('an answer without end');
    }
  }

  #settle(reply: Extract<EngineReply, { type: 'result' | 'failure' }>): void {
    const waiting = this.#waiting.get(reply.ticket);
    if (!waiting) {
      this.#failChannel(reply);
      return;
    }
    // Whoever waits for an answer that is none hears of it with everybody else.
    const value = reply.type === 'failure' ? null : resultSchemas[waiting.type].parse(reply.value);
    this.#waiting.delete(reply.ticket);
    if (reply.type === 'failure') waiting.reject(AppError.fromJSON(reply.error));
    else waiting.resolve(value as never);
  }

  /** A `generate` that could not even be read is refused as a request is. */
  #failChannel(reply: Extract<EngineReply, { type: 'result' | 'failure' }>): void {
    const open = this.#channels.get(reply.ticket);
    if (!open || reply.type !== 'failure') return;
    this.#channels.delete(reply.ticket);
    open.channel.push({ type: 'end', reason: 'failed', error: reply.error });
  }

  #leave(reason: AppError): AppError {
    this.#reason ??= reason;
    this.#options.watchdog.stop();
    for (const waiting of this.#waiting.values()) waiting.reject(this.#reason);
    for (const { channel } of this.#channels.values()) {
      channel.push({ type: 'end', reason: 'interrupted', error: this.#reason.toJSON() });
    }
    this.#waiting.clear();
    this.#channels.clear();
    return this.#reason;
  }
}

export function unavailable(cause: unknown): AppError {
  return new AppError('engine-unavailable', 'The engine of this model has been closed or has gone.', {
    hint: 'Send the request again: the engine is started anew.',
    cause: toAppError(cause),
  });
}

function cancelled(): AppError {
  return new AppError('cancelled', 'The request was cancelled.');
}
