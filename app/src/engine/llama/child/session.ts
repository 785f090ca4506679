import { readFileSync } from 'node:fs';
import { AppError, toAppError } from '../../../contracts/app-error.ts';
import { protocolVersion, type EngineRequest, type LoadMessage, type OpenMessage } from '../protocol.ts';
import type { ResultOf } from '../protocol-results.ts';
import { openLibraries, type Bindings } from './bindings.ts';
import type { CancelLine } from './cancel-line.ts';
import type { Channel } from './channel.ts';
import { listDevices } from './devices.ts';
import { beFirstToBeKilled, seesNoNetwork } from './libc.ts';
import { loadEverything } from './loaded-model.ts';
import { silence } from './model.ts';
import { withPlaces } from './score-text.ts';
import { Serving } from './serving.ts';
import { verifyLibraries } from './verify.ts';

export interface SessionOptions {
  channel: Channel;
  cancelLine: CancelLine;
  diesWithParent: boolean;
}

/** Requests are seconds, not thousands, behind their cancellation. */
const maxEarly = 1024;

/** The life of an engine child: libraries, one model, requests, the end. */
export class Session {
  readonly #options: SessionOptions;
  readonly #cancelled = new Set<number>();
  /** Cancellations that came before their request, which takes the other pipe. */
  readonly #early = new Set<number>();
  readonly #open = new Set<number>();
  #library: Bindings | null = null;
  #serving: Serving | null = null;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  handle(request: EngineRequest): void {
    if (request.type === 'generate') {
      this.#generate(request);
      return;
    }
    const { ticket } = request;
    this.#open.add(ticket);
    const { channel } = this.#options;
    const answer = this.#answer(request);
    if (this.#early.delete(ticket)) this.cancel(ticket);
    answer
      .then((value) => channel.send({ type: 'result', ticket, value }))
      // Also of a result that is too large to be sent: only who asked for it hears of it.
      .catch((error: unknown) => channel.send({ type: 'failure', ticket, error: toAppError(error).toJSON() }))
      .then(() => (request.type === 'shutdown' ? this.#leave() : undefined))
      .finally(() => {
        this.#open.delete(ticket);
        this.#cancelled.delete(ticket);
      })
      .catch(() => process.exit(1));
  }

  cancel(ticket: number): void {
    const isOpen = this.#open.has(ticket);
    if (isOpen) this.#cancelled.add(ticket);
    if (this.#serving?.cancel(ticket) === true || isOpen) return;
    this.#early.add(ticket);
    if (this.#early.size > maxEarly) this.#early.delete(this.#early.values().next().value ?? 0);
  }

  #generate(message: Extract<EngineRequest, { type: 'generate' }>): void {
    const { ticket, request } = message;
    try {
      const serving = this.#served();
      serving.generate(ticket, request);
      if (this.#early.delete(ticket)) serving.cancel(ticket);
    } catch (error) {
      const end = { type: 'end', reason: 'failed', error: toAppError(error).toJSON() } as const;
      this.#options.channel.send({ type: 'parts', batches: [{ ticket, parts: [end] }] });
    }
  }

  async #answer(request: Exclude<EngineRequest, { type: 'generate' }>): Promise<unknown> {
    if (request.type === 'open') return this.#openLibraries(request);
    if (request.type === 'load') return this.#load(request);
    if (request.type === 'shutdown') return { saved: (await this.#serving?.close()) ?? 0 };
    return this.#ask(request);
  }

  async #ask(
    request: Exclude<EngineRequest, { type: 'generate' | 'open' | 'load' | 'shutdown' }>,
  ): Promise<unknown> {
    switch (request.type) {
      case 'count':
        return this.#served().prompting.count(request.prompt);
      case 'render':
        return this.#served().prompting.render(request.prompt);
      case 'tokenize':
        return { ids: this.#served().vocabulary.tokenize(request.text, request) };
      case 'pieces':
        return { pieces: this.#served().vocabulary.latinPieces(request.ids) };
      case 'score':
        return this.#score(request);
      case 'embed':
        return this.#served().embed(request.ticket, request.request);
      case 'save-state':
        return { saved: await this.#served().saveState(request.stateKey) };
      case 'drop-state':
        await this.#served().dropState(request.stateKey);
        return {};
      case 'stats':
        return this.#served().stats(this.#options.channel.sent);
    }
  }

  #openLibraries({ librariesDirectory, processorLibrary }: OpenMessage): ResultOf<'open'> {
    const library = openLibraries(librariesDirectory);
    const llamaVersion = verifyLibraries(library);
    silence(library);
    library.backendInit();
    // ggml refuses one that this processor cannot run.
    const isLoaded = processorLibrary !== undefined && library.loadBackend(processorLibrary) !== null;
    if (!isLoaded) library.loadBackends(librariesDirectory);
    this.#library = library;
    return {
      protocol: protocolVersion,
      llamaVersion,
      pid: process.pid,
      devices: listDevices(library),
      sandbox: {
        networkIsolated: seesNoNetwork(),
        diesWithParent: this.#options.diesWithParent,
        firstToBeKilled: beFirstToBeKilled(),
        environment: environmentNames(),
      },
    };
  }

  async #load(message: LoadMessage): Promise<ResultOf<'load'>> {
    const { channel, cancelLine } = this.#options;
    if (this.#library === null) throw new AppError('bad-request', 'The libraries are not open yet.');
    if (this.#serving !== null) throw new AppError('conflict', 'This engine child has a model already.');
    const { ticket } = message;
    cancelLine.enter('loading');
    let lastPercent = -1;
    const loaded = await loadEverything(message, {
      library: this.#library,
      cancelLine,
      onProgress: (fraction) => {
        const percent = Math.floor(fraction * 100);
        if (percent === lastPercent) return;
        lastPercent = percent;
        channel.send({ type: 'load-progress', ticket, fraction });
      },
      isCancelled: () => this.#cancelled.has(ticket),
    });
    const onCancel = (cancelled: number): void => this.cancel(cancelled);
    this.#serving = new Serving({
      library: this.#library,
      loaded,
      message,
      channel,
      cancelLine,
      onCancel,
    });
    cancelLine.enter('idle');
    return loaded.description;
  }

  async #score(asked: Extract<EngineRequest, { type: 'score' }>): Promise<ResultOf<'score'>> {
    const serving = this.#served();
    const scores = await serving.score(asked.ticket, asked.request);
    return { tokens: withPlaces(scores, serving.vocabulary) };
  }

  #served(): Serving {
    if (this.#serving !== null) return this.#serving;
    throw new AppError('engine-unavailable', 'No model is loaded in this engine child.');
  }

  async #leave(): Promise<void> {
    this.#options.cancelLine.enter('stopping');
    await this.#options.channel.drain();
    process.exit(0);
  }
}

/** Names only: configuration is not read in this process, and must not be in it. */
function environmentNames(): string[] {
  try {
    const entries = readFileSync('/proc/self/environ', 'utf8').split('\0');
    return entries.map((entry) => entry.split('=', 1)[0] ?? '').filter((name) => name !== '');
  } catch {
    return [];
  }
}
