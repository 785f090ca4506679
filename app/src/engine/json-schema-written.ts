import type { JsonSchema } from '../contracts/sampling.ts';
import { mergeSchemas } from './json-schema-merge.ts';
import {
  binds,
  deeper,
  invalid,
  isObject,
  keysOf,
  type Place,
  referenceIn,
  schemaLimits,
  type SchemaObject,
} from './json-schema-object.ts';

/** What a schema says once its references are looked up and what must hold together is one, within a budget. */
export class WrittenSchema {
  readonly #root: JsonSchema;
  #writtenCharacters = 0;

  constructor(root: JsonSchema) {
    this.#root = root;
  }

  /** What a reference leads to, held to the words that stand beside it. */
  target(reference: string, beside: SchemaObject, place: Place): unknown {
    this.#refuseCircle(reference, place);
    if (binds(beside)) return this.both(beside, { $ref: reference }, place);
    const target = this.#resolve(reference, place);
    this.#write(JSON.stringify(target).length, place);
    return target;
  }

  /** References that lead to nothing but each other. A chain that is too long is nested too deep. */
  #refuseCircle(reference: string, place: Place): void {
    const seen = new Set<string>();
    for (let next: string | null = reference; next !== null && seen.size <= schemaLimits.depth;) {
      if (seen.has(next)) throw invalid(place.path, 'it refers to nothing but itself');
      seen.add(next);
      next = referenceIn(this.#resolve(next, place));
    }
  }

  #resolve(reference: string, place: Place): unknown {
    const path = `${place.path}/$ref`;
    if (reference !== '#' && !reference.startsWith('#/')) {
      throw invalid(path, `"${reference.slice(0, 100)}" is not inside this schema`);
    }
    let target: unknown = this.#root;
    for (const key of keysOf(reference, path)) {
      const isThere = (isObject(target) || Array.isArray(target)) && Object.hasOwn(target, key);
      if (!isThere) throw invalid(path, `there is no "${reference.slice(0, 100)}"`);
      target = (target as SchemaObject)[key];
    }
    return target;
  }

  /** One schema that demands what all of them demand. */
  merged(schema: SchemaObject, place: Place): SchemaObject {
    const { allOf, ...base } = schema;
    if (!Array.isArray(allOf)) throw invalid(`${place.path}/allOf`, 'it is no list of schemas');
    return allOf.reduce<SchemaObject>(
      (merged, part: unknown, index) => this.both(merged, part, deeper(place, `allOf/${index}`)),
      base,
    );
  }

  /** What demands all that two schemas demand. */
  both(first: SchemaObject, second: unknown, place: Place): SchemaObject {
    const merged = mergeSchemas(first, this.#plain(second, place), place);
    this.#write(JSON.stringify(merged).length, place);
    return merged;
  }

  /** The same without `$ref` and `allOf`. */
  #plain(schema: unknown, place: Place): SchemaObject {
    this.enter(place);
    if (!isObject(schema)) throw invalid(place.path, 'it is no schema');
    const { $ref: reference, nullable, ...beside } = schema;
    if (typeof reference !== 'string') return 'allOf' in schema ? this.merged(schema, place) : schema;
    const target = this.#plain(this.#resolve(reference, place), { path: reference, depth: place.depth + 1 });
    const both = binds(beside) ? this.both(target, beside, deeper(place, '$ref')) : target;
    return nullable === true ? { ...both, nullable } : both;
  }

  /** One more schema is looked at: there is an end to how deep they nest, and to how many they are. */
  enter(place: Place): void {
    if (place.depth > schemaLimits.depth)
      throw invalid(place.path, `it is nested deeper than ${schemaLimits.depth}`);
    this.#write(schemaLimits.leastCharacters, place);
  }

  /** A few references that name each other, or choices of choices, can make a schema of any size. */
  #write(characters: number, place: Place): void {
    this.#writtenCharacters += characters;
    if (this.#writtenCharacters > schemaLimits.writtenCharacters)
      throw invalid(
        place.path,
        'it has become too large, with all that it combines and refers to written out',
      );
  }
}
