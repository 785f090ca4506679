/**
 * The text of an answer as it is heard. A run that another server takes up is told once more from its beginning, and its
 * wording may differ from there on: `text` is what holds, and nothing is handed on twice.
 */
export class HeardText {
  text = '';
  #handedOn = 0;

  /** Takes in what was said at an offset; returns what lies beyond everything handed on so far. */
  add(offset: number, said: string): string {
    this.text = this.text.slice(0, offset) + said;
    const fresh = this.text.slice(this.#handedOn);
    this.#handedOn += fresh.length;
    return fresh;
  }
}
