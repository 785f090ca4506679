import type { EndReason, RunPart } from '../../../contracts/run-parts.ts';
import { StopStrings } from './stop-strings.ts';
import { Utf8Stream } from './utf8-stream.ts';

/** The text of one answer while it grows: bytes become characters, stop strings are held back and never shown. */
export class AnswerText {
  readonly #characters = new Utf8Stream();
  readonly #stops: StopStrings;
  /** Everything shown so far, kept only where somebody will compare it. */
  shown = '';
  stopString: string | null = null;
  /** Whether any text may end the answer. */
  readonly hasStops: boolean;

  constructor(stops: readonly string[]) {
    this.#stops = new StopStrings(stops);
    this.hasStops = stops.length > 0;
  }

  /** Text to show now. `stopString` is set when a stop string was met. */
  push(bytes: Uint8Array): string {
    const released = this.#stops.push(this.#characters.push(bytes));
    this.stopString = released.stop;
    this.shown += released.text;
    return released.text;
  }

  /** Text that was waiting for more. */
  end(): string {
    if (this.stopString !== null) return '';
    const released = this.#stops.push(this.#characters.end());
    this.stopString = released.stop;
    const text = released.stop === null ? released.text + this.#stops.end() : released.text;
    this.shown += text;
    return text;
  }
}

/** The last part of an answer. A stop string of the prompt format is the model ending its turn. */
export function endPart(
  reason: EndReason,
  answer: { text: AnswerText; askedStops: ReadonlySet<string> },
): RunPart {
  const { stopString } = answer.text;
  if (stopString === null) return { type: 'end', reason };
  if (!answer.askedStops.has(stopString)) return { type: 'end', reason: 'stop' };
  return { type: 'end', reason: 'stop-string', stopString };
}
