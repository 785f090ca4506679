import { AppError } from '../../contracts/app-error.ts';
import { heartbeatIntervalMs, type Heartbeat, type Phase } from './signals.ts';

/**
 * How long each phase may last without progress. A step of a prompt is at most one batch: even at five tokens a
 * second (a model far too large for its machine) that is below these.
 */
export const defaultDeadlines: Deadlines = {
  starting: 60_000,
  loading: 300_000,
  prompt: 180_000,
  token: 120_000,
  saving: 120_000,
  stopping: 60_000,
  silence: 15 * heartbeatIntervalMs,
};

export type Deadlines = Record<Exclude<Phase, 'idle'>, number> & {
  /** Without a heartbeat. */
  silence: number;
};

export interface Watchdog {
  beat(beat: Heartbeat): void;
  /** Any word of the child: it has started, and from now on it may not be silent, though no beat came yet. */
  heard(): void;
  /** Progress that no heartbeat tells: a fraction of the load. */
  progress(): void;
  /** Where the child was when it was last heard of. */
  phase(): Phase;
  stop(): void;
}

/** Calls `onHang` once when the child is silent or stuck. */
export function createWatchdog(deadlines: Deadlines, onHang: (error: AppError) => void): Watchdog {
  let phase: Phase = 'starting';
  let heardAt = performance.now();
  let progressedAt = heardAt;

  const timer = setInterval(() => {
    const now = performance.now();
    // A process that was stopped together with us (a laptop asleep) has missed nothing.
    if (now - lastCheckAt > 4 * checkMs) heardAt = progressedAt = now;
    lastCheckAt = now;
    const silentMs = now - heardAt;
    const stuckMs = now - progressedAt;
    if (silentMs > deadlines.silence && phase !== 'starting') hang('has been silent', silentMs);
    else if (phase !== 'idle' && stuckMs > deadlines[phase])
      hang(`has not moved in phase "${phase}"`, stuckMs);
  }, checkMs).unref();
  let lastCheckAt = performance.now();

  function hang(what: string, durationMs: number): void {
    clearInterval(timer);
    onHang(
      new AppError(
        'engine-hung',
        `The engine ${what} for ${Math.round(durationMs / 1000)} s and was ended.`,
        {
          hint: 'It is started again with the next request.',
          details: { phase },
        },
      ),
    );
  }

  return {
    beat: (beat) => {
      const now = performance.now();
      if (beat.phase !== phase) progressedAt = now;
      else if (beat.phase !== 'loading') progressedAt = Math.max(progressedAt, now - beat.sinceStepMs);
      heardAt = now;
      phase = beat.phase;
    },
    heard: () => {
      heardAt = performance.now();
      if (phase !== 'starting') return;
      phase = 'idle';
      progressedAt = heardAt;
    },
    progress: () => {
      progressedAt = performance.now();
    },
    phase: () => phase,
    stop: () => clearInterval(timer),
  };
}

const checkMs = 250;
