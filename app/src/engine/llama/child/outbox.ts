import { performance } from 'node:perf_hooks';
import type { RunPart } from '../../../contracts/run-parts.ts';

/** Watchers are served every 33 to 50 ms; waking the parent more often takes cores from the computation. */
const flushIntervalMs = 45;

export interface PartBatch {
  ticket: number;
  parts: RunPart[];
}

/** Collects the parts of all requests and sends them together. */
export class Outbox {
  readonly #send: (batches: PartBatch[]) => void;
  #batches = new Map<number, RunPart[]>();
  #lastFlush = 0;
  #isUrgent = false;
  sent = 0;

  constructor(send: (batches: PartBatch[]) => void) {
    this.#send = send;
  }

  /** `urgent` parts leave at the next chance: the first of an answer and the last. */
  add(ticket: number, part: RunPart, urgent = false): void {
    const parts = this.#batches.get(ticket);
    if (parts === undefined) this.#batches.set(ticket, [part]);
    else append(parts, part);
    if (urgent) this.#isUrgent = true;
  }

  /** Whether it is time to send what there is. */
  isDue(): boolean {
    return this.#isUrgent || performance.now() - this.#lastFlush >= flushIntervalMs;
  }

  /** Sends what there is, if it is due; with `force` in any case. */
  flush(force = false): void {
    if (this.#batches.size === 0 || !(force || this.isDue())) return;
    const batches = [...this.#batches].map(([ticket, parts]) => ({ ticket, parts }));
    this.#batches = new Map();
    this.#lastFlush = performance.now();
    this.#isUrgent = false;
    this.sent++;
    this.#send(batches);
  }
}

/** Text joins the text before it; of progress and queue positions only the last counts. */
function append(parts: RunPart[], part: RunPart): void {
  const last = parts.at(-1);
  if (part.type === 'text-delta' && last?.type === 'text-delta') {
    parts[parts.length - 1] = { type: 'text-delta', text: last.text + part.text };
  } else if (last !== undefined && last.type === part.type && isReplaced(part)) {
    parts[parts.length - 1] = part;
  } else {
    parts.push(part);
  }
}

function isReplaced(part: RunPart): boolean {
  return part.type === 'prompt-progress' || part.type === 'queue-position';
}
