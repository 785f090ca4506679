/**
 * Single steps of the interpreter that make a long text out of short ones: a filter's separator, indentation or
 * replacement, a thousand times. It offers no place to bound them, so the thread in which templates run does it in
 * the language's own methods. Outside of `withTextLimit` they are as ever.
 */

const none = Number.POSITIVE_INFINITY;
let limit = none;

/** No bounded method makes a longer text while this runs. */
export function withTextLimit<Result>(most: number, run: () => Result): Result {
  limit = most;
  try {
    return run();
  } finally {
    limit = none;
  }
}

export function checkTextLength(length: number): void {
  if (length > limit) throw new RangeError(`a text of ${length} characters, where ${limit} are enough`);
}

/** For a thread in which nothing but templates runs. */
export function boundTextMethods(): void {
  redefine(Array.prototype, 'join', (join) => {
    return function boundedJoin(this: unknown[], separator = ',') {
      if (limit === none) return join.call(this, separator);
      const texts: string[] = [];
      let length = -separator.length;
      for (const item of this) {
        // A list of one is joined to the text of its item, which may be a list itself.
        const text = join.call([item], '');
        checkTextLength((length += separator.length + text.length));
        texts.push(text);
      }
      return join.call(texts, separator);
    };
  });
  redefine(String.prototype, 'repeat', (repeat) => {
    return function boundedRepeat(this: string, count: number) {
      checkTextLength(this.length * count);
      return repeat.call(this, count);
    };
  });
  redefine(String.prototype, 'replaceAll', (replaceAll) => {
    return function boundedReplaceAll(this: string, pattern: unknown, by: unknown) {
      if (typeof by !== 'function') return replaceAll.call(this, pattern, by);
      let length = 0;
      return replaceAll.call(this, pattern, (...match: unknown[]) => {
        const text = String(by(...match));
        checkTextLength((length += text.length));
        return text;
      });
    };
  });
}

type Method = (this: never, ...given: never[]) => string;
type Native = (this: unknown, ...given: unknown[]) => string;

function redefine(prototype: object, name: string, make: (native: Native) => Method): void {
  const value = make(Reflect.get(prototype, name) as Native);
  Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
}
