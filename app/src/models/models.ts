import type {
  AdapterRecord,
  CatalogueEntry,
  ModelDetails,
  ModelRecord,
  Preflight,
  PullProgress,
} from '../contracts/models.ts';
import type { ModelSource } from '../engine/engine.ts';

/** The port of everything that knows which models there are and how to get more. Rejects with `AppError`s only. */
export interface Models {
  /** What is on this machine, newest first, and the bundled model. */
  list(): Promise<ModelRecord[]>;
  show(reference: string): Promise<ModelDetails>;
  /**
   * What an engine loads for a reference. Never downloads: `model-unknown` says which command would.
   * A reference without a quantisation takes the default one, or else the newest that is here.
   * The bundled model is converted when it is asked for the first time.
   */
  resolve(reference: string, signal?: AbortSignal): Promise<ModelSource>;
  /** Sizes, gate, licence, disk, memory and speed, without fetching weights. */
  check(reference: string, options?: CheckOptions): Promise<Preflight>;
  /**
   * Downloads, merges, quantises. Leaving the loop or aborting stops it and keeps what is verified, so that the next
   * pull of the same reference goes on there. Two pulls of the same model at once: the second waits for the first.
   * Of a model that is here it makes sure: one whose file is gone or damaged is got anew, and one that the engine
   * crashed over is read whole and may be loaded again.
   */
  pull(reference: string, options?: PullOptions): AsyncIterable<PullProgress>;
  /** Takes a `.gguf` (copied after a strict check) or a Hugging Face folder (converted) from this machine. */
  import(path: string, options?: ImportOptions): AsyncIterable<PullProgress>;
  /**
   * Forgets a model and frees what nothing else needs; an adapter that depends on it refuses with `conflict`. Only what
   * is named goes: without a quantisation the default one, or else what unfinished pulls left of any.
   */
  remove(reference: string): Promise<RemoveResult>;
  readonly adapters: ModelAdapters;
  /** Deletes what no model needs: leftovers of pulls that nobody took up again for a week, unused files. */
  collectGarbage(signal?: AbortSignal): Promise<RemoveResult>;
  catalogue(): readonly CatalogueEntry[];
}

export interface ModelAdapters {
  list(base?: string): Promise<AdapterRecord[]>;
  /** Fetches a PEFT adapter or a GGUF LoRA and keeps it beside its base for switching at run time. */
  add(reference: string, options?: AdapterAddOptions): AsyncIterable<AdapterProgress>;
  /** `base` is the model that it is kept for, by any name of it; one kept for several is a `conflict` without it. */
  remove(id: string, base?: string): Promise<RemoveResult>;
}

export type AdapterProgress =
  | Exclude<PullProgress, { type: 'done' }>
  | { type: 'done'; adapter: AdapterRecord };

export interface CheckOptions {
  /** Takes the place of the base that an adapter's config names. */
  base?: string;
  contextTokens?: number;
  signal?: AbortSignal;
}

export interface PullOptions extends CheckOptions {
  /**
   * Goes on although the pre-flight says that it will not fit in memory (a full disk still refuses), and reads every
   * byte of what is here already.
   */
  force?: boolean;
}

export interface ImportOptions {
  /** Name in the list; absent: the name of the file or folder. */
  name?: string;
  quantisation?: string;
  signal?: AbortSignal;
}

export interface AdapterAddOptions {
  /** The model it belongs to, when its config does not name one that is here. */
  base?: string;
  signal?: AbortSignal;
}

export interface RemoveResult {
  /** Ids of models and adapters that are gone. */
  removed: string[];
  freedBytes: number;
}
