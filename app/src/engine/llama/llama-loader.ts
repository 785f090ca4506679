import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { AppError, toAppError } from '../../contracts/app-error.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { EngineLoader, LoadOptions, MemoryEstimate, ModelSource } from '../engine.ts';
import { chooseAdapters } from './choose-adapters.ts';
import { createCrashHistory, type CrashHistory } from './crash-history.ts';
import { findIsolation, type Isolation } from './isolation.ts';
import { createLlamaEngine, type End, type FileSource, type LlamaEngine } from './llama-engine.ts';
import { tryLibraries } from './library-trial.ts';
import { placeNow, planLoad, type LoadPlan } from './memory-estimate.ts';
import { deleteSnapshots } from './child/snapshots.ts';
import { readModelFacts, type ModelFacts } from './model-facts.ts';
import { libraryForNarrowHeads } from './narrow-heads.ts';
import type { Hello, Loaded } from './protocol-results.ts';
import { startEngine, type StartedEngine } from './start-engine.ts';
import { defaultDeadlines, type Deadlines } from './watchdog.ts';

export interface LlamaLoaderOptions {
  /** Where the libraries of llama.cpp are; asked at each start. */
  librariesDirectory: () => Promise<string>;
  /** Whether these libraries are another build than the one that Corral comes with: those are tried out first. */
  isForeign?: (directory: string) => boolean;
  /** A small file that remembers which models crashed the engine. */
  crashFile: string;
  clock: Clock;
  log: Log;
  /** Where KV states of chats are kept, with a budget of 0 only deleted; absent: nowhere. */
  snapshots?: { directory: string; budgetBytes: number };
  maxThreads?: number;
  deadlines?: Partial<Deadlines>;
  /** Another program in the engine's place: tests of what a hostile one can do. */
  entry?: string;
}

export interface LlamaLoader extends EngineLoader {
  estimate(source: ModelSource, options: LoadOptions): Promise<MemoryEstimate>;
  load(source: ModelSource, options: LoadOptions): Promise<LlamaEngine>;
  /** Starts a process, lets it open the libraries and ends it: what `corral doctor` shows. */
  probe(): Promise<{ hello: Hello; isolation: Isolation }>;
  readonly crashes: CrashHistory;
}

const ownEntry = fileURLToPath(new URL('llama.child.ts', import.meta.url));

/** Engines over llama.cpp, each in a process of its own. */
export function createLlamaLoader(options: LlamaLoaderOptions): LlamaLoader {
  return new ProcessLoader(options);
}

class ProcessLoader implements LlamaLoader {
  readonly kind = 'file';
  readonly crashes: CrashHistory;
  readonly #options: LlamaLoaderOptions;
  #isolation: Promise<Isolation> | null = null;
  #gpuFreeBytes: number | null = null;
  /** Libraries that passed their trial, each build once. */
  readonly #tried = new Map<string, Promise<void>>();

  constructor(options: LlamaLoaderOptions) {
    this.#options = options;
    this.crashes = createCrashHistory(options.crashFile, options.clock, options.log);
  }

  async estimate(source: ModelSource, wanted: LoadOptions): Promise<MemoryEstimate> {
    const facts = await readModelFacts(requireFile(source), wanted.signal);
    return planLoad(facts, wanted, placeNow(undefined, await this.#gpuFree())).estimate;
  }

  async load(source: ModelSource, wanted: LoadOptions): Promise<LlamaEngine> {
    const file = requireFile(source);
    this.crashes.check(file.sha256);
    const facts = await readModelFacts(file, wanted.signal);
    const { sound, refused } = await chooseAdapters(file.adapters, {
      crashes: this.crashes,
      log: this.#options.log,
    });
    const chosen = { ...file, adapters: sound };
    await pause(this.crashes.backoffMs(file.sha256), wanted.signal);
    const started = await this.#start(facts);
    const plan = planLoad(facts, wanted, placeNow(undefined, gpuFreeOf(started.hello)));
    const loaded = await this.#loadInto(started, chosen, { wanted, plan });
    void started.connection.gone.then((reason) => this.#note(chosen, reason));
    return this.#engineOf(started, file, { ...loaded, adapters: [...loaded.adapters, ...refused] });
  }

  async dropState(stateKey: string | null): Promise<void> {
    const { snapshots } = this.#options;
    if (snapshots) await deleteSnapshots(snapshots.directory, stateKey);
  }

  async probe(): Promise<{ hello: Hello; isolation: Isolation }> {
    const started = await this.#start();
    started.connection.destroy(new AppError('engine-unavailable', 'The trial is over.'));
    await started.connection.gone;
    return { hello: started.hello, isolation: started.isolation };
  }

  /** A process over libraries that have passed their trial, where they need one. */
  async #start(facts?: ModelFacts): Promise<StartedEngine> {
    const directory = await this.#options.librariesDirectory();
    if (this.#options.isForeign?.(directory) === true) await this.#proven(directory);
    return this.#startOver(directory, facts ? await libraryForNarrowHeads(facts, directory) : undefined);
  }

  async #proven(directory: string): Promise<void> {
    const build = `${directory} ${await stampOf(directory)}`;
    const known = this.#tried.get(build) ?? this.#tryOut(directory);
    this.#tried.set(build, known);
    await known.catch((error: unknown) => {
      this.#tried.delete(build);
      throw error;
    });
  }

  async #tryOut(directory: string): Promise<void> {
    const { connection, hello } = await this.#startOver(directory);
    try {
      await tryLibraries({ directory, connection, hello, folder: dirname(this.#options.crashFile) });
    } finally {
      connection.destroy(new AppError('engine-unavailable', 'The trial is over.'));
      await connection.gone;
    }
  }

  async #startOver(librariesDirectory: string, processorLibrary?: string): Promise<StartedEngine> {
    const { log, entry, deadlines } = this.#options;
    this.#isolation ??= findIsolation();
    const isolation = await this.#isolation;
    if (!isolation.isNetworkIsolated) log.warn({ reason: isolation.reason }, 'the engine keeps the network');
    const started = await startEngine({
      entry: entry ?? ownEntry,
      isolation,
      librariesDirectory,
      processorLibrary,
      deadlines: { ...defaultDeadlines, ...deadlines },
      log,
    });
    this.#gpuFreeBytes = gpuFreeOf(started.hello);
    // Taken by what this process loads, free again when it ends: the next estimate asks anew.
    void started.connection.gone.then(() => (this.#gpuFreeBytes = null));
    return started;
  }

  /** What the GPUs have free, asked of the libraries where there are any for a GPU and it may have changed. */
  async #gpuFree(): Promise<number> {
    if (this.#gpuFreeBytes !== null) return this.#gpuFreeBytes;
    const names = await readdir(await this.#options.librariesDirectory()).catch(() => []);
    if (names.some((name) => /ggml-(cuda|vulkan|metal)/u.test(name))) await this.probe();
    return this.#gpuFreeBytes ?? 0;
  }

  #engineOf({ connection, hello }: StartedEngine, file: FileSource, loaded: Loaded): LlamaEngine {
    this.#gpuFreeBytes = null;
    return createLlamaEngine({
      source: file,
      connection,
      loaded,
      release: hello.llamaVersion,
      onEnded: (end) => this.#judge(file, end),
    });
  }

  #judge(file: FileSource, end: End): void {
    if (end.reason === 'stop' || end.reason === 'length') this.crashes.recordSuccess(file.sha256);
    if (end.error?.code === 'model-file-invalid') this.crashes.doubt(file.sha256);
  }

  #note(file: FileSource, reason: AppError): void {
    if (reason.code !== 'engine-crashed' && reason.code !== 'engine-hung') return;
    this.#options.log.error({ model: file.id, reason: reason.message }, 'engine went away');
    // What was added to a model is left out before the model is: it may answer without.
    const suspects = file.adapters.length === 0 ? [file] : file.adapters;
    const blamed = isAFilesFault(reason) ? suspects.map(({ sha256 }) => sha256) : [];
    if (blamed.length > 0) this.crashes.doubt(file.sha256);
    for (const sha256 of new Set([file.sha256, ...blamed]))
      this.crashes.record(sha256, { reason: reason.message, isTheFilesFault: blamed.includes(sha256) });
  }

  async #loadInto(
    { connection }: StartedEngine,
    file: FileSource,
    { wanted, plan }: { wanted: LoadOptions; plan: LoadPlan },
  ): Promise<Loaded> {
    const { contextTokens, kvTokens, slots, kvType, gpuLayers } = plan;
    const { maxThreads, snapshots } = this.#options;
    const hasRoom = snapshots !== undefined && snapshots.budgetBytes > 0;
    const model = { id: file.id, path: file.path, sha256: file.sha256 };
    const settings = { model, adapters: file.adapters, contextTokens, kvTokens, slots, kvType, gpuLayers };
    const more = { ...(maxThreads === undefined ? {} : { maxThreads }), ...(hasRoom ? { snapshots } : {}) };
    connection.onLoadProgress = wanted.onProgress ?? null;
    try {
      return await connection.ask('load', { ...settings, ...more }, wanted.signal);
    } catch (error) {
      const known = toAppError(error);
      this.#note(file, known);
      if (known.code === 'model-load-failed') this.crashes.doubt(file.sha256);
      connection.destroy(new AppError('engine-unavailable', 'The model was not loaded.', { cause: known }));
      await connection.gone;
      throw loadError(known, file);
    }
  }
}

function gpuFreeOf(hello: Hello): number {
  const gpus = hello.devices.filter((device) => device.kind === 'gpu');
  return gpus.reduce((sum, gpu) => sum + gpu.freeBytes, 0);
}

/** Changes when one of the libraries does. */
async function stampOf(directory: string): Promise<string> {
  const names = await readdir(directory).catch(() => []);
  const stats = await Promise.all(names.sort().map((name) => stat(join(directory, name)).catch(() => null)));
  return stats.map((one) => `${one?.size ?? 0}-${one?.mtimeMs ?? 0}`).join(' ');
}

/** Signals that native code brings on itself; a SIGKILL comes from outside (the kernel out of memory, a person). */
const ownSignals = new Set(['SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGTRAP']);

function isAFilesFault(reason: AppError): boolean {
  if (reason.code === 'engine-hung') return reason.details?.['phase'] === 'loading';
  if (reason.details?.['isMachineFault'] === true) return false;
  return ownSignals.has(String(reason.details?.['signal']));
}

function loadError(error: AppError, file: FileSource): AppError {
  const architecture = /unknown model architecture: '?([\w.-]+)/u.exec(error.message)?.[1];
  if (architecture !== undefined) {
    return new AppError(
      'model-unsupported',
      `${file.id} has the architecture "${architecture}", which this release cannot run.`,
      {
        hint: 'A newer release of Corral may.',
        cause: error,
      },
    );
  }
  if (error.code !== 'engine-crashed' || error.details?.['signal'] !== 'SIGKILL') return error;
  return new AppError(
    'model-does-not-fit',
    `Loading ${file.id} was ended from outside, most likely for want of memory.`,
    {
      hint: 'Close other programs, or choose a smaller model or context.',
      cause: error,
    },
  );
}

async function pause(durationMs: number, signal: AbortSignal | undefined): Promise<void> {
  if (durationMs <= 0) return;
  try {
    await delay(durationMs, undefined, signal ? { signal } : {});
  } catch (cause) {
    throw new AppError('cancelled', 'Loading was stopped.', { cause });
  }
}

function requireFile(source: ModelSource): FileSource {
  if (source.kind === 'file') return source;
  throw new AppError('internal', `A model of the kind "${source.kind}" came to the engine of files.`);
}
