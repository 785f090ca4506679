import { AppError, toAppError } from '../../contracts/app-error.ts';
import type { PullProgress } from '../../contracts/models.ts';

type ProgressEvent = Extract<PullProgress, { type: 'progress' }>;
export type Phase = ProgressEvent['phase'];

/**
 * Work that reports by calling, as an async generator. Leaving the loop early or aborting stops the work, and the
 * generator ends only after it really stopped. Every failure is an AppError.
 */
export async function* reporting<Event>(
  work: (emit: (event: Event) => void, signal: AbortSignal) => Promise<void>,
  outer?: AbortSignal,
): AsyncGenerator<Event> {
  const inner = new AbortController();
  const signal = outer === undefined ? inner.signal : AbortSignal.any([outer, inner.signal]);
  const events: Event[] = [];
  let wake = (): void => undefined;
  let isDone = false;
  const emit = (event: Event): void => {
    events.push(event);
    wake();
  };
  const finished = work(emit, signal).finally(() => {
    isDone = true;
    wake();
  });
  // The rejection is awaited below; until then it must not count as unhandled.
  finished.catch(() => undefined);
  try {
    for (;;) {
      yield* events.splice(0);
      if (isDone && events.length === 0) break;
      if (events.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    }
    await finished;
  } catch (error) {
    throw signal.aborted ? cancelled(error) : toAppError(error);
  } finally {
    inner.abort();
    await finished.catch(() => undefined);
  }
}

function cancelled(error: unknown): AppError {
  return error instanceof AppError && error.code !== 'internal'
    ? error
    : new AppError('cancelled', 'It was stopped; what is verified is kept, and the next try goes on there.', {
        cause: error,
      });
}

export interface Meter {
  /** The whole of this phase is so large. */
  total(bytes: number): void;
  /** So much of one file is done now; `file` undefined counts for the whole only. */
  file(name: string, doneBytes: number, totalBytes: number): void;
  done(bytes: number): void;
  /** What to name in the next event, where somebody else counts. */
  show(what: ShownFile): void;
}

export interface ShownFile {
  file?: string | undefined;
  fileDoneBytes?: number | undefined;
  fileTotalBytes?: number | undefined;
}

/** At most five events a second; a progress bar needs no more, and every one may cross a network. */
const everyMs = 200;
/** Speed over about the last ten seconds. */
const speedWindowMs = 10_000;

/** Turns byte counts of one phase into progress events with speed and time left. */
export function createMeter(phase: Phase, emit: (event: ProgressEvent) => void): Meter {
  const files = new Map<string, FileCount>();
  const speed = createSpeed();
  let current: string | undefined;
  let totalBytes = 0;
  let doneBytes = 0;
  let emittedAt = 0;

  function send(now: number): void {
    emittedAt = now;
    const bytesPerSecond = speed.at(now);
    emit({
      type: 'progress',
      phase,
      ...fileOf(current, files),
      doneBytes,
      totalBytes,
      bytesPerSecond,
      etaSeconds: bytesPerSecond === 0 ? null : Math.max(0, (totalBytes - doneBytes) / bytesPerSecond),
    });
  }

  function advance(bytes: number): void {
    const now = performance.now();
    doneBytes = bytes;
    speed.sample(now, bytes);
    if (now - emittedAt >= everyMs || doneBytes === totalBytes) send(now);
  }

  return {
    total: (bytes) => void (totalBytes = bytes),
    done: advance,
    show({ file, fileDoneBytes, fileTotalBytes }) {
      current = file;
      if (file === undefined) return;
      files.clear();
      files.set(file, { doneBytes: fileDoneBytes, totalBytes: fileTotalBytes });
    },
    file(name, fileDoneBytes, fileTotalBytes) {
      const before = files.get(name)?.doneBytes ?? 0;
      current = name;
      files.set(name, { doneBytes: fileDoneBytes, totalBytes: fileTotalBytes });
      advance(doneBytes + fileDoneBytes - before);
    },
  };
}

interface FileCount {
  doneBytes: number | undefined;
  totalBytes: number | undefined;
}

function fileOf(
  name: string | undefined,
  files: ReadonlyMap<string, FileCount>,
): Pick<ProgressEvent, 'file' | 'fileDoneBytes' | 'fileTotalBytes'> {
  const counts = name === undefined ? undefined : files.get(name);
  if (name === undefined || counts === undefined) return {};
  return {
    file: name,
    ...(counts.doneBytes === undefined ? {} : { fileDoneBytes: counts.doneBytes }),
    ...(counts.totalBytes === undefined ? {} : { fileTotalBytes: counts.totalBytes }),
  };
}

function createSpeed(): { sample(now: number, bytes: number): void; at(now: number): number } {
  const samples: { at: number; bytes: number }[] = [];
  return {
    sample(now, bytes) {
      // Thinned out: a sample a tenth of a second is enough for a window of ten.
      const last = samples.at(-1);
      if (last !== undefined && samples.length > 1 && now - last.at < 100) last.bytes = bytes;
      else samples.push({ at: now, bytes });
    },
    at(now) {
      while (samples.length > 2 && now - (samples[0]?.at ?? now) > speedWindowMs) samples.shift();
      const first = samples[0];
      const last = samples.at(-1);
      if (first === undefined || last === undefined || now - first.at < 50) return 0;
      return Math.max(0, Math.round(((last.bytes - first.bytes) / (now - first.at)) * 1000));
    },
  };
}
