import { AppError } from '../contracts/app-error.ts';
import { gbnfLiteral } from './grammar-rules.ts';

/** A pattern is compiled and walked at every token. */
const limits = { chars: 1_000, depth: 16, repetitions: 1_000 } as const;

/** A character of a JSON string as the grammar's own rules have it; a `.` of a pattern is none that ends a line. */
const anyCharacter = 'char';
const dot = 'inLine';
const classes: Readonly<Record<string, string>> = { d: '0-9', w: '0-9A-Za-z_', s: ' ' };

const firstPrintable = 0x20;
/** The quote, the backslash and DEL, in order: never in a JSON string of ours as they are. */
const outside = [0x22, 0x5c, 0x7f];

/**
 * The inside of a JSON string that a regular expression describes, as GBNF: literals, classes, groups, alternatives,
 * repetitions and the anchors at both ends. Throws `grammar-invalid` where a grammar cannot say it.
 */
export function grammarOfPattern(pattern: string, path: string): string {
  return new PatternReader(pattern, path).whole();
}

class PatternReader {
  readonly #text: string;
  readonly #path: string;
  #at = 0;
  #depth = 0;

  constructor(text: string, path: string) {
    this.#text = text;
    this.#path = path;
    if (text.length > limits.chars) throw this.#refused(`it is longer than ${limits.chars} characters`);
  }

  whole(): string {
    const isOpenBefore = !this.#take('^');
    const inside = this.#alternatives();
    const isOpenAfter = !this.#take('$');
    if (this.#at < this.#text.length) throw this.#refused('it ends before its end');
    const [before, after] = [isOpenBefore ? `${anyCharacter}* ` : '', isOpenAfter ? ` ${anyCharacter}*` : ''];
    return `${before}(${inside})${after}`;
  }

  #alternatives(): string {
    const options = [this.#sequence()];
    while (this.#take('|')) options.push(this.#sequence());
    return options.join(' | ');
  }

  #sequence(): string {
    const parts: string[] = [];
    while (this.#at < this.#text.length && !'|)'.includes(this.#peek()) && !this.#isEndAnchor()) {
      parts.push(this.#atom() + this.#repetition());
    }
    return parts.length === 0 ? '""' : parts.join(' ');
  }

  #isEndAnchor(): boolean {
    return this.#peek() === '$' && this.#at === this.#text.length - 1;
  }

  #atom(): string {
    const character = this.#next();
    if (character === '.') return dot;
    if (character === '(') return this.#group();
    if (character === '[') return this.#characterClass();
    if (character === '\\') return this.#escape();
    if ('*+?{^$'.includes(character)) throw this.#refused(`"${character}" stands where it means nothing`);
    return literal(character);
  }

  #group(): string {
    if (++this.#depth > limits.depth)
      throw this.#refused(`its groups are nested deeper than ${limits.depth}`);
    if (this.#take('?') && !this.#take(':')) throw this.#refused('it looks ahead or behind');
    const inside = this.#alternatives();
    if (!this.#take(')')) throw this.#refused('a group is not closed');
    this.#depth--;
    return `(${inside})`;
  }

  #escape(): string {
    const character = this.#next();
    const known = classes[character];
    if (known !== undefined) return `[${known}]`;
    if (/[A-Za-z0-9]/u.test(character)) throw this.#refused(`"\\${character}" is not supported`);
    return literal(character);
  }

  #characterClass(): string {
    const isNegated = this.#take('^');
    let inside = '';
    while (!this.#take(']')) {
      const known = this.#knownClass();
      if (known !== null) inside += known;
      else {
        const from = this.#classMember();
        inside += this.#takesRange() ? this.#range(from, this.#classMember(), isNegated) : member(from);
      }
    }
    if (inside === '') throw this.#refused('a class is empty');
    return isNegated ? `[^${inside}"\\\\\\x00-\\x1f\\x7f]` : `[${inside}]`;
  }

  #knownClass(): string | null {
    const known = this.#peek() === '\\' ? classes[this.#text.charAt(this.#at + 1)] : undefined;
    if (known === undefined) return null;
    this.#at += 2;
    return known;
  }

  #classMember(): string {
    const first = this.#next();
    const character = first === '\\' ? this.#next() : first;
    if (character === '"' || character === '\\') throw this.#refused('a class holds a quote or a backslash');
    if (first === '\\' && /[A-Za-z0-9]/u.test(character))
      throw this.#refused(`"\\${character}" is not supported`);
    return character;
  }

  /** A dash at the end of a class is one of its characters. */
  #takesRange(): boolean {
    return this.#text.charAt(this.#at + 1) !== ']' && this.#take('-');
  }

  /** Without what cannot stand in a JSON string as it is: fewer texts fit then, and all of them are JSON. */
  #range(from: string, to: string, isNegated: boolean): string {
    const [low, high] = [from.codePointAt(0)!, to.codePointAt(0)!];
    if (low > high) throw this.#refused(`the range ${from}-${to} runs backwards`);
    if (isNegated) return `${member(from)}-${member(to)}`;
    const starts = [Math.max(low, firstPrintable), ...outside.map((code) => code + 1)];
    const ends = [...outside.map((code) => code - 1), high];
    return starts
      .map((start, index) => [Math.max(start, low), Math.min(ends[index]!, high)] as const)
      .filter(([start, end]) => start <= end)
      .map(([start, end]) => `${member(String.fromCodePoint(start))}-${member(String.fromCodePoint(end))}`)
      .join('');
  }

  #repetition(): string {
    for (const sign of ['*', '+', '?']) if (this.#take(sign)) return this.#lazy(sign);
    const match = /^\{(\d+)(,(\d*))?\}/u.exec(this.#text.slice(this.#at));
    if (!match) return '';
    this.#at += match[0].length;
    const least = Number(match[1]);
    const most = match[2] === undefined ? least : match[3] === '' ? undefined : Number(match[3]);
    if (least > limits.repetitions || (most ?? least) > limits.repetitions || (most ?? least) < least) {
      throw this.#refused(`it repeats more than ${limits.repetitions} times`);
    }
    return this.#lazy(`{${least},${most ?? ''}}`);
  }

  /** Whether a repetition is greedy makes no difference to what fits. */
  #lazy(repetition: string): string {
    this.#take('?');
    return repetition;
  }

  #peek(): string {
    return this.#text.charAt(this.#at);
  }

  #next(): string {
    if (this.#at >= this.#text.length) throw this.#refused('it ends too early');
    const character = String.fromCodePoint(this.#text.codePointAt(this.#at) ?? 0);
    this.#at += character.length;
    return character;
  }

  #take(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at++;
    return true;
  }

  #refused(why: string): AppError {
    return new AppError('grammar-invalid', `The JSON schema cannot be used: at ${this.#path}, ${why}.`, {
      hint: 'Use a simpler pattern: literals, classes, groups, alternatives and repetitions.',
      details: { field: 'sampling.jsonSchema', path: this.#path },
    });
  }
}

/** As it stands inside of a JSON string. */
function literal(character: string): string {
  return gbnfLiteral(JSON.stringify(character).slice(1, -1));
}

/** A character of a class; some would mean something there. */
function member(character: string): string {
  return /[\]^-]/u.test(character) ? hexEscape(character) : character;
}

function hexEscape(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
