import { AppError } from '../contracts/app-error.ts';

/** Rules that every JSON grammar shares; each is written only when something refers to it. */
const primitives = {
  space: { body: '| " " | "\\n" [ \\t]{0,20}', needs: [] },
  char: { body: '[^"\\\\\\x00-\\x1f\\x7f] | "\\\\" (["\\\\/bfnrt] | "u" [0-9a-fA-F]{4})', needs: [] },
  inLine: { body: '[^"\\\\\\x00-\\x1f\\x7f\\u2028\\u2029] | "\\\\" ["\\\\/bft]', needs: [] },
  string: { body: '"\\"" char* "\\""', needs: ['char'] },
  null: { body: '"null"', needs: [] },
  boolean: { body: '"true" | "false"', needs: [] },
  digits: { body: '"0" | [1-9] [0-9]{0,15}', needs: [] },
  integer: { body: '"-"? digits', needs: ['digits'] },
  positiveNumber: { body: 'digits ("." [0-9]{1,16})? ([eE] [-+]? [0-9]{1,2})?', needs: ['digits'] },
  number: { body: '"-"? positiveNumber', needs: ['positiveNumber'] },
  value: {
    body: 'object | array | string | number | boolean | null',
    needs: ['object', 'array', 'boolean', 'null'],
  },
  object: {
    body: '"{" space (string ":" space value ("," space string ":" space value)*)? "}"',
    needs: ['space', 'string', 'value'],
  },
  array: { body: '"[" space (value ("," space value)*)? "]"', needs: ['space', 'string', 'number', 'value'] },
  date: {
    body: '[0-9]{4} "-" ("0" [1-9] | "1" [0-2]) "-" ("0" [1-9] | [1-2] [0-9] | "3" [0-1])',
    needs: [],
  },
  time: {
    body: 'hours ":" [0-5] [0-9] ":" [0-5] [0-9] ("." [0-9]{1,6})? ("Z" | [+-] hours ":" [0-5] [0-9])',
    needs: ['hours'],
  },
  hours: { body: '[0-1] [0-9] | "2" [0-3]', needs: [] },
  octet: { body: '[0-9] | [1-9] [0-9] | "1" [0-9] [0-9] | "2" [0-4] [0-9] | "25" [0-5]', needs: [] },
} as const satisfies Record<string, { body: string; needs: readonly string[] }>;

export type Primitive = keyof typeof primitives;

/** Collects the rules of one grammar; the same body makes the same rule only once. */
export class GrammarRules {
  readonly #limit: number;
  readonly #bodies = new Map<string, string>();
  readonly #byBody = new Map<string, string>();
  #count = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  primitive(name: Primitive): string {
    const { body, needs } = primitives[name];
    if (!this.#bodies.has(name)) {
      this.#bodies.set(name, body);
      for (const needed of needs) this.primitive(needed);
    }
    return name;
  }

  /** A rule with this body. */
  add(body: string): string {
    const known = this.#byBody.get(body);
    if (known !== undefined) return known;
    const name = this.reserve();
    this.#byBody.set(body, name);
    this.define(name, body);
    return name;
  }

  /** A name for a rule whose body comes later. */
  reserve(): string {
    if (++this.#count > this.#limit) {
      throw new AppError('grammar-invalid', `The JSON schema makes more than ${this.#limit} grammar rules.`, {
        hint: 'Use a smaller schema.',
        details: { field: 'sampling.jsonSchema', path: '#' },
      });
    }
    return `r${this.#count}`;
  }

  define(name: string, body: string): void {
    this.#bodies.set(name, body);
  }

  /** A JSON string with this content. */
  string({ body, needs }: { body: string; needs: readonly Primitive[] }): string {
    for (const name of needs) this.primitive(name);
    return this.add(`"\\"" ${body} "\\""`);
  }

  /** A JSON string that is none of these. */
  stringExcept(names: readonly string[]): string {
    const plain = names.filter((name) => /^[\x20-\x7e]+$/u.test(name) && !/["\\]/u.test(name));
    if (plain.length === 0) return this.primitive('string');
    return this.add(`"\\"" ${this.#except(plain)} "\\""`);
  }

  /** What may follow a common beginning so that the whole is none of the names whose rests are given. */
  #except(rests: readonly string[]): string {
    const char = this.primitive('char');
    const byFirst = new Map<string, string[]>();
    for (const rest of rests) {
      const first = rest.slice(0, 1);
      if (first !== '') byFirst.set(first, [...(byFirst.get(first) ?? []), rest.slice(1)]);
    }
    const firsts = [...byFirst.keys()];
    const others = `[^"\\\\\\x00-\\x1f\\x7f${firsts.map(escapeInClass).join('')}] ${char}*`;
    const escaped = `"\\\\" (["\\\\/bfnrt] | "u" [0-9a-fA-F]{4}) ${char}*`;
    const followed = [...byFirst].map(([first, next]) => `${gbnfLiteral(first)} ${this.#except(next)}`);
    const ending = rests.includes('') ? [] : ['""'];
    return this.add([others, escaped, ...followed, ...ending].join(' | '));
  }

  text(start: string): string {
    const lines = [...this.#bodies].map(([name, body]) => `${name} ::= ${body}`);
    return [`root ::= ${start}`, ...lines, ''].join('\n');
  }
}

/** A text as GBNF writes it. */
export function gbnfLiteral(text: string): string {
  const escaped = text.replace(/["\\]|\p{Cc}/gu, (character) => {
    if (character === '"' || character === '\\') return `\\${character}`;
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
  return `"${escaped}"`;
}

function escapeInClass(character: string): string {
  return /[\]\\^-]/u.test(character)
    ? `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`
    : character;
}
