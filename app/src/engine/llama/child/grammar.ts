import { address } from 'koffi';
import { AppError } from '../../../contracts/app-error.ts';
import type { Bindings } from './bindings.ts';
import type { Pointer } from './structs.ts';

/** A grammar that takes longer than this to compile would take as long at each token. */
const compileDeadlineMs = 2000;
/** llama_token_data: id, logit, p. */
const candidateWords = 3;
/** Processor time that one token's check may take before the grammar counts as runaway. */
const tokenDeadlineMs = 1000;
/** What is checked before that time is foretold; each piece after it is twice as long. */
const firstPiece = 64;
/** Less than this foretells nothing. */
const leastMs = 50;
/** The compiler goes a call deeper with each. */
const maxDepth = 256;

export interface GrammarPlace {
  library: Bindings;
  vocabulary: Pointer;
  vocabularySize: number;
}

/**
 * Which tokens a GBNF grammar allows next. `filter` and `allows` ask, `accept` moves on; accepting a token that
 * was not allowed would end the process, so callers ask first.
 */
export class Grammar {
  readonly #library: Bindings;
  readonly #sampler: Pointer;
  readonly #one: CandidateList;
  readonly #size: number;
  #all: CandidateList | null = null;
  #isFreed = false;

  constructor(library: Bindings, sampler: Pointer, vocabularySize: number) {
    this.#library = library;
    this.#sampler = sampler;
    this.#size = vocabularySize;
    this.#one = new CandidateList(1);
  }

  allows(id: number): boolean {
    this.#one.ids[0] = id;
    this.#one.logits[1] = 0;
    this.#library.samplerApply(this.#sampler, this.#one.part(0, 1));
    return this.#one.logits[1] === 0;
  }

  /**
   * Sets what is not allowed to -Infinity; false when nothing is left. In pieces, since nobody else is answered
   * meanwhile: a grammar that would take too long for the whole vocabulary is seen by the first of them.
   */
  filter(row: Float32Array): boolean {
    const all = (this.#all ??= new CandidateList(this.#size));
    for (let id = 0; id < row.length; id++) {
      all.ids[id * candidateWords] = id;
      all.logits[id * candidateWords + 1] = row[id]!;
    }
    const before = process.threadCpuUsage();
    for (let done = 0, piece = firstPiece; done < row.length; piece *= 2) {
      const count = Math.min(piece, row.length - done);
      this.#library.samplerApply(this.#sampler, all.part(done, count));
      done += count;
      refuseRunaway(before, done / row.length);
    }
    let isAnyLeft = false;
    for (let id = 0; id < row.length; id++) {
      row[id] = all.logits[id * candidateWords + 1]!;
      if (row[id] !== Number.NEGATIVE_INFINITY) isAnyLeft = true;
    }
    return isAnyLeft;
  }

  accept(id: number): void {
    this.#library.samplerAccept(this.#sampler, id);
  }

  free(): void {
    if (this.#isFreed) return;
    this.#isFreed = true;
    this.#library.samplerFree(this.#sampler);
  }
}

/** By what a share of the vocabulary took of this thread's own time: what others take of the machine is not its fault. */
function refuseRunaway(before: NodeJS.CpuUsage, share: number): void {
  const { user, system } = process.threadCpuUsage(before);
  const ms = (user + system) / 1000;
  if (ms < leastMs || ms / share < tokenDeadlineMs) return;
  throw new AppError('grammar-invalid', 'The grammar takes longer than a second for one token.', {
    hint: 'Make its rules less ambiguous.',
  });
}

/** A llama_token_data_array over memory that does not move. */
class CandidateList {
  readonly ids: Int32Array;
  readonly logits: Float32Array;
  readonly #pointer: bigint;
  readonly #head: BigInt64Array;

  constructor(size: number) {
    const items = new SharedArrayBuffer(Math.max(128, size * candidateWords * 4));
    this.ids = new Int32Array(items);
    this.logits = new Float32Array(items);
    this.#head = new BigInt64Array(new SharedArrayBuffer(128));
    this.#pointer = address(this.#head);
  }

  /** Some of them, as a list that nothing was chosen from yet. */
  part(start: number, count: number): bigint {
    this.#head[0] = address(this.ids) + BigInt(start * candidateWords * 4);
    this.#head[1] = BigInt(count);
    this.#head[2] = -1n;
    this.#head[3] = 0n;
    return this.#pointer;
  }
}

/** Compiles off this thread. Rejects with `grammar-invalid` when it is wrong or takes too long. */
export async function compileGrammar(text: string, place: GrammarPlace): Promise<Grammar> {
  const details = { field: 'sampling.grammar' };
  if (text.includes('\0'))
    throw new AppError('grammar-invalid', 'The grammar holds a NUL character.', { details });
  refuseDepth(text);
  const sampler = await compileWithin(text, place);
  if (sampler === null) {
    throw new AppError('grammar-invalid', 'The grammar is not valid GBNF, or has no rule named root.', {
      hint: 'Each rule reads name ::= alternatives; left recursion is not supported.',
      details,
    });
  }
  return new Grammar(place.library, sampler, place.vocabularySize);
}

/** In literals, classes and comments a bracket opens nothing: how each of them begins, and ends. */
const enclosed = new Map([
  ['"', '"'],
  ['[', ']'],
  ['#', '\n'],
]);

function refuseDepth(text: string): void {
  let depth = 0;
  let ending: string | undefined;
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (ending !== undefined) {
      if (character === ending) ending = undefined;
      else if (character === '\\' && ending !== '\n') at++;
      continue;
    }
    ending = enclosed.get(character);
    if (character === '(') depth++;
    else if (character === ')') depth--;
    if (depth <= maxDepth) continue;
    throw new AppError('grammar-invalid', `The grammar's brackets are nested deeper than ${maxDepth}.`, {
      hint: 'Give its parts rules of their own.',
      details: { field: 'sampling.grammar' },
    });
  }
}

function compileWithin(text: string, place: GrammarPlace): Promise<Pointer> {
  const { library, vocabulary } = place;
  return new Promise((resolve, reject) => {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      reject(
        new AppError('grammar-invalid', `The grammar took longer than ${compileDeadlineMs} ms to compile.`, {
          hint: 'Use fewer or smaller repetitions.',
        }),
      );
    }, compileDeadlineMs);
    library.grammarInit.async(vocabulary, text, 'root', (error: unknown, sampler: Pointer) => {
      clearTimeout(timer);
      if (isLate && sampler !== null) library.samplerFree(sampler);
      else if (error === null || error === undefined) resolve(sampler);
      else reject(new AppError('internal', 'The grammar could not be compiled.', { cause: error }));
    });
  });
}
