import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { AppError } from '../../../contracts/app-error.ts';
import { createFrameReader, encodeFrame } from '../frames.ts';
import { requestSchema, type EngineReply, type EngineRequest } from '../protocol.ts';
import { hasInput } from './libc.ts';

/** The frames of the main descriptor. A parent that speaks nonsense is no parent of ours: the process ends. */
export class Channel {
  readonly #descriptor: number;
  readonly #socket: Socket;
  sent = 0;

  constructor(
    descriptor: number,
    handlers: { onRequest: (request: EngineRequest) => void; onEnd: () => void },
  ) {
    this.#descriptor = descriptor;
    this.#socket = new Socket({ fd: descriptor, readable: true, writable: true });
    const reader = createFrameReader();
    this.#socket.on('data', (chunk: Buffer) => {
      for (const message of reader.push(chunk)) this.#take(message, handlers.onRequest);
    });
    this.#socket.on('end', () => handlers.onEnd());
    this.#socket.on('error', () => handlers.onEnd());
  }

  send(reply: EngineReply): void {
    this.sent++;
    const frame = encodeFrame(reply);
    const written = this.#socket.writableLength === 0 ? this.#writeNow(frame) : 0;
    if (written < frame.length) this.#socket.write(frame.subarray(written));
  }

  /** Past the stream, which takes several times as long: how much of it the pipe took. */
  #writeNow(frame: Buffer): number {
    try {
      return writeSync(this.#descriptor, frame);
    } catch {
      // It is full or broken; the stream waits, or tells.
      return 0;
    }
  }

  /** Whether a turn of the event loop would read a request or send what the pipe did not take at once. */
  get needsTurn(): boolean {
    return this.#socket.writableLength > 0 || hasInput(this.#descriptor);
  }

  /** Resolves when everything sent has left this process. */
  drain(): Promise<void> {
    return new Promise((resolve) => this.#socket.write('', () => resolve()));
  }

  #take(message: unknown, onRequest: (request: EngineRequest) => void): void {
    const parsed = requestSchema.safeParse(message);
    if (parsed.success) {
      onRequest(parsed.data);
      return;
    }
    const problem = parsed.error.issues
      .map((issue) => `${issue.path.join('.')}: ${issue.message}`)
      .join('; ');
    const error = new AppError(
      'bad-request',
      `The engine was asked something it does not understand: ${problem}`,
    );
    const ticket = ticketOf(message);
    if (ticket === null) throw error;
    if (isGenerate(message)) {
      const end = { type: 'end', reason: 'failed', error: error.toJSON() } as const;
      this.send({ type: 'parts', batches: [{ ticket, parts: [end] }] });
    } else {
      this.send({ type: 'failure', ticket, error: error.toJSON() });
    }
  }
}

/** Only this question is answered in parts. */
function isGenerate(message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === 'generate';
}

function ticketOf(message: unknown): number | null {
  const ticket =
    typeof message === 'object' && message !== null && 'ticket' in message ? message.ticket : null;
  return typeof ticket === 'number' && Number.isInteger(ticket) && ticket > 0 ? ticket : null;
}
