import type { EndReason, RunPart } from '../../../contracts/run-parts.ts';
import { StopStrings } from '../../stop-strings.ts';
import { Utf8Stream } from './utf8-stream.ts';

/** The text of one answer while it grows: bytes become characters, stop strings are held back and never shown. */
export class AnswerText {
  readonly #characters = new Utf8Stream();
  readonly #stops: StopStrings;
  /** Everything shown so far, kept only where somebody will compare it. */
  shown = '';
  stopString: string | null = null;
  /** Whether it ended within a character, which is not shown then: who goes on with it begins that anew. */
  isCut = false;
  /** Whether any text may end the answer. */
  readonly hasStops: boolean;

  /** `openAnswer`: what this one goes on with; a stop string may begin there. */
  constructor(stops: readonly string[], openAnswer = '') {
    this.#stops = new StopStrings(stops, openAnswer);
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
    this.isCut = this.#characters.end();
    const text = this.#stops.end();
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
