import type { Prompt } from '../engine.ts';
import { openAnswer } from '../open-answer.ts';

/** As models on this machine write a thought; the answer follows. */
const opening = '<think>\n';
const closing = '\n</think>\n\n';

/** What comes to be shown, in this order. */
export interface Shown {
  /** A thought, and the markup around it: no stop string ends an answer there. */
  aside: string;
  answer: string;
}

/**
 * Puts what a service says as a thought and what it says as an answer into one text, also where that goes on with one
 * that was begun earlier: what was shown of it stays, so the rest has to fit behind it.
 */
export class ShownThoughts {
  readonly #isPrefilled: boolean;
  #place: Place;

  /** `isPrefilled`: the service goes on with an open answer itself, instead of being asked to in a new turn. */
  constructor(prompt: Prompt, isPrefilled: boolean) {
    this.#isPrefilled = isPrefilled;
    this.#place = placeAfter(openAnswer(prompt));
  }

  think(thought: string): Shown {
    if (this.#place === 'in-answer') {
      // A model that goes on with its sentence is not thinking: the service merely has not seen that it had done so.
      // One that was asked to go on thinks about that, which is none of the answer's business.
      return { aside: '', answer: this.#isPrefilled ? thought : '' };
    }
    const isNew = this.#place === 'outside';
    this.#place = 'in-thought';
    return { aside: isNew ? opening + thought : thought, answer: '' };
  }

  say(text: string): Shown {
    const place = this.#place;
    if (place !== 'in-answer') this.#place = 'outside';
    // Text that a service puts behind an open thought of its own may be the rest of it: models end it themselves.
    const closes = place === 'in-thought' || (place === 'in-earlier-thought' && !this.#isPrefilled);
    return { aside: closes ? closing : '', answer: text };
  }

  /** What is missing where the answer ends here. */
  end(): string {
    return this.#place === 'in-thought' ? closing : '';
  }
}

/** `in-earlier-thought` and `in-answer`: where the answer that is gone on with had come to. */
type Place = 'outside' | 'in-thought' | 'in-earlier-thought' | 'in-answer';

function placeAfter(written: string): Place {
  const rest = written.replace(/^(?:\s*<think>[\s\S]*?<\/think>)+/u, '').trimStart();
  if (rest === '') return 'outside';
  const isThought = rest.startsWith('<think>');
  return isThought ? 'in-earlier-thought' : 'in-answer';
}
