import type { JsonSchema } from '../contracts/sampling.ts';
import { GrammarRules, gbnfLiteral } from './grammar-rules.ts';
import { isSilent, knownKeywords } from './json-schema-keywords.ts';
import {
  binds,
  countOf,
  deeper,
  invalid,
  isObject,
  type JsonType,
  namesOf,
  type Place,
  schemaLimits,
  type SchemaObject,
  typesOf,
} from './json-schema-object.ts';
import { listedValues } from './json-schema-literals.ts';
import { boundsOf, integersWithin, numbersWithin } from './json-schema-number.ts';
import { patternOfLength } from './json-schema-pattern.ts';
import { type StringFormat, stringFormat } from './string-formats.ts';
import { WrittenSchema } from './json-schema-written.ts';
import { grammarOfPattern } from './pattern-grammar.ts';

/** GBNF whose language is the JSON that the schema describes. Throws `grammar-invalid` naming the path. */
export function grammarOfJsonSchema(schema: JsonSchema): string {
  const text = JSON.stringify(schema);
  if (Buffer.byteLength(text) > schemaLimits.textBytes) {
    throw invalid('#', `it has more than ${schemaLimits.textBytes / 1024} KB`);
  }
  return new SchemaConverter(schema).convert();
}

interface Property {
  name: string;
  rule: string;
  isRequired: boolean;
}

/** Of what is not written out once for each character, so that any length will do. */
function lengthsOf(schema: SchemaObject, place: Place): { least: number; most: number } {
  const least = countOf(schema, 'minLength', place, Number.MAX_SAFE_INTEGER) ?? 0;
  const most = countOf(schema, 'maxLength', place, Number.MAX_SAFE_INTEGER) ?? Number.POSITIVE_INFINITY;
  return { least, most };
}

class SchemaConverter {
  readonly #root: JsonSchema;
  readonly #rules = new GrammarRules(schemaLimits.rules);
  /** `$ref` and what stands beside it → the rule for both, so that schemas may refer to themselves. */
  readonly #references = new Map<string, string>();
  readonly #written: WrittenSchema;

  constructor(root: JsonSchema) {
    this.#root = root;
    this.#written = new WrittenSchema(root);
  }

  convert(): string {
    const start = this.#schema(this.#root, { path: '#', depth: 0 });
    const text = this.#rules.text(start);
    if (text.length <= schemaLimits.grammarCharacters) return text;
    throw invalid('#', `its grammar has more than ${schemaLimits.grammarCharacters / 1024} KB`);
  }

  #schema(schema: unknown, place: Place): string {
    this.#written.enter(place);
    if (schema === true) return this.#rules.primitive('value');
    if (!isObject(schema))
      throw invalid(place.path, schema === false ? 'nothing fits `false`' : 'it is no schema');
    for (const [keyword, value] of Object.entries(schema)) {
      if (!knownKeywords.has(keyword) && !isSilent(keyword, value)) {
        throw invalid(`${place.path}/${keyword}`, 'a grammar cannot express it here', 'Remove this keyword.');
      }
    }
    const rule = this.#withoutNull(schema, place);
    return schema['nullable'] === true ? this.#rules.add(`${rule} | ${this.#rules.primitive('null')}`) : rule;
  }

  #withoutNull(schema: SchemaObject, place: Place): string {
    if (typeof schema['$ref'] === 'string') return this.#reference(schema['$ref'], schema, place);
    if ('allOf' in schema) return this.#all(schema, place);
    const choice = 'anyOf' in schema ? 'anyOf' : 'oneOf';
    if (choice in schema) return this.#choice(schema, choice, place);
    if ('const' in schema || 'enum' in schema) return this.#literals(schema, place);
    return this.#types(schema, place);
  }

  #reference(reference: string, schema: SchemaObject, place: Place): string {
    const { $ref: _, nullable: __, ...beside } = schema;
    const key = binds(beside) ? JSON.stringify([reference, beside]) : reference;
    const known = this.#references.get(key);
    if (known !== undefined) return known;
    const target = this.#written.target(reference, beside, place);
    const name = this.#rules.reserve();
    this.#references.set(key, name);
    this.#rules.define(name, this.#schema(target, { path: reference, depth: place.depth + 1 }));
    return name;
  }

  #literals(schema: SchemaObject, place: Place): string {
    const values = listedValues(schema, place).map((value) => gbnfLiteral(JSON.stringify(value)));
    return this.#rules.add(values.join(' | '));
  }

  #choice(schema: SchemaObject, keyword: 'anyOf' | 'oneOf', place: Place): string {
    const { [keyword]: options, ...base } = schema;
    if (!Array.isArray(options) || options.length === 0) {
      throw invalid(`${place.path}/${keyword}`, 'it is no list of schemas');
    }
    const rules = options.map((option: unknown, index) => {
      const at = deeper(place, `${keyword}/${index}`);
      return this.#schema(binds(base) ? this.#written.both(base, option, at) : option, at);
    });
    return this.#rules.add(rules.join(' | '));
  }

  /** One part alone is a reference in most cases, with a title beside it, and may refer to itself. */
  #all(schema: SchemaObject, place: Place): string {
    const { allOf, ...base } = schema;
    const isOne = Array.isArray(allOf) && allOf.length === 1 && !binds(base);
    if (isOne) return this.#schema(allOf[0], deeper(place, 'allOf/0'));
    return this.#schema(this.#written.merged(schema, place), deeper(place, 'allOf'));
  }

  #types(schema: SchemaObject, place: Place): string {
    const types = typesOf(schema, place);
    const rules = types.map((type) => this.#oneType(type, schema, place));
    return rules.length === 1 && rules[0] !== undefined ? rules[0] : this.#rules.add(rules.join(' | '));
  }

  #oneType(type: JsonType, schema: SchemaObject, place: Place): string {
    if (type === 'object') return this.#object(schema, place);
    if (type === 'array') return this.#array(schema, place);
    if (type === 'string') return this.#string(schema, place);
    if (type === 'integer' || type === 'number') return this.#number(type, schema, place);
    return this.#rules.primitive(type);
  }

  #number(type: 'integer' | 'number', schema: SchemaObject, place: Place): string {
    const bounds = boundsOf(schema, place);
    if (bounds.low === undefined && bounds.high === undefined) return this.#rules.primitive(type);
    const range = type === 'integer' ? integersWithin(bounds) : numbersWithin(bounds);
    if (range === null) throw invalid(place.path, `no ${type} lies in its bounds`);
    return this.#rules.add(range);
  }

  #string(schema: SchemaObject, place: Place): string {
    const { format, pattern } = schema;
    if (typeof pattern === 'string') return this.#pattern(pattern, schema, place);
    const known = typeof format === 'string' ? stringFormat(format) : undefined;
    if (known) return this.#format(known, schema, place);
    const minimum = countOf(schema, 'minLength', place) ?? 0;
    const maximum = countOf(schema, 'maxLength', place);
    if (minimum === 0 && maximum === undefined) return this.#rules.primitive('string');
    if (maximum !== undefined && maximum < minimum) throw invalid(place.path, 'maxLength is below minLength');
    return this.#rules.add(`"\\"" ${this.#rules.primitive('char')}{${minimum},${maximum ?? ''}} "\\""`);
  }

  #format(format: StringFormat, schema: SchemaObject, place: Place): string {
    const { least, most } = lengthsOf(schema, place);
    if (least <= format.shortest && format.longest <= most) return this.#rules.string(format);
    const why = 'a grammar cannot hold it to minLength and maxLength as well';
    throw invalid(`${place.path}/format`, why, 'Remove one of the two.');
  }

  #pattern(pattern: string, schema: SchemaObject, place: Place): string {
    const path = `${place.path}/pattern`;
    this.#rules.primitive('char');
    this.#rules.primitive('inLine');
    const grammar = grammarOfPattern(pattern, path);
    const bounded = patternOfLength(pattern, lengthsOf(schema, place));
    if (bounded === null) {
      const hint = 'Write the length into the pattern, as in "^[a-z]{1,10}$".';
      throw invalid(path, 'a grammar cannot hold it to minLength and maxLength as well', hint);
    }
    return this.#rules.add(`"\\"" ${bounded === pattern ? grammar : grammarOfPattern(bounded, path)} "\\""`);
  }

  #array(schema: SchemaObject, place: Place): string {
    const minimum = countOf(schema, 'minItems', place) ?? 0;
    const maximum = countOf(schema, 'maxItems', place) ?? Number.POSITIVE_INFINITY;
    if (maximum < minimum) throw invalid(place.path, 'maxItems is below minItems');
    const space = this.#rules.primitive('space');
    const comma = `"," ${space}`;
    const first = this.#firstItems(schema, maximum, place);
    const item = first.length === maximum ? null : this.#furtherItem(schema, minimum - first.length, place);
    if (item === null) return this.#rules.add(`"[" ${space} ${first.join(` ${comma} `)} "]"`);
    const start = first.length === 0 ? [item] : first;
    const times = [minimum, maximum].map((count) => Math.max(0, count - start.length));
    const range = `{${times.join(',').replace('Infinity', '')}}`;
    const all = `${start.join(` ${comma} `)} (${comma} ${item})${range}`;
    const mayBeEmpty = minimum === 0 && first.length === 0;
    return this.#rules.add(mayBeEmpty ? `"[" ${space} (${all})? "]"` : `"[" ${space} ${all} "]"`);
  }

  #firstItems(schema: SchemaObject, maximum: number, place: Place): string[] {
    const { prefixItems = [] } = schema;
    if (!Array.isArray(prefixItems)) throw invalid(`${place.path}/prefixItems`, 'it is no list of schemas');
    return prefixItems
      .slice(0, maximum)
      .map((item: unknown, index) => this.#schema(item, deeper(place, `prefixItems/${index}`)));
  }

  /** What may come after the first ones, of which `missing` are too few. After those come others only if declared. */
  #furtherItem(schema: SchemaObject, missing: number, place: Place): string | null {
    const items = schema['items'] ?? (!('prefixItems' in schema) || missing > 0);
    return items === false && missing <= 0 ? null : this.#schema(items, deeper(place, 'items'));
  }

  #object(schema: SchemaObject, place: Place): string {
    const declared = schema['properties'] ?? {};
    if (!isObject(declared)) throw invalid(`${place.path}/properties`, 'it is no object');
    const required = new Set(namesOf(schema['required'], place));
    const space = this.#rules.primitive('space');
    const properties = Object.entries(declared).map(([name, property]): Property => {
      const rule = this.#schema(property, deeper(place, `properties/${name}`));
      const isRequired = required.delete(name);
      return {
        name,
        isRequired,
        rule: this.#rules.add(`${gbnfLiteral(JSON.stringify(name))} ":" ${space} ${rule}`),
      };
    });
    for (const name of required) {
      const value = this.#schema(schema['additionalProperties'] ?? true, deeper(place, `properties/${name}`));
      const rule = `${gbnfLiteral(JSON.stringify(name))} ":" ${space} ${value}`;
      properties.push({ name, isRequired: true, rule: this.#rules.add(rule) });
    }
    const chain = this.#propertyChain(properties, this.#extraProperty(schema, properties, place));
    return this.#rules.add(`"{" ${space} ${chain} "}"`);
  }

  /** Null where there may be none. Without any declared property everything may be one. */
  #extraProperty(schema: SchemaObject, properties: readonly Property[], place: Place): string | null {
    const extra = schema['additionalProperties'] ?? properties.length === 0;
    if (extra === false) return null;
    const value = this.#schema(extra, deeper(place, 'additionalProperties'));
    const names = properties.map((property) => property.name);
    const long = names.find((name) => name.length > schemaLimits.nameCharacters);
    if (long !== undefined) {
      const why = `its name has more than ${schemaLimits.nameCharacters} characters, and others may stand beside it`;
      throw invalid(
        `${place.path}/properties/${long.slice(0, 100)}…`,
        why,
        'Set "additionalProperties" to false.',
      );
    }
    const key = this.#rules.stringExcept(names);
    return this.#rules.add(`${key} ":" ${this.#rules.primitive('space')} ${value}`);
  }

  /** In the order of declaration, each optional one left out or not, with commas only between two. */
  #propertyChain(properties: readonly Property[], extra: string | null): string {
    const comma = `"," ${this.#rules.primitive('space')}`;
    let next = extra === null ? '' : this.#rules.add(`(${comma} ${extra})*`);
    let first = extra === null ? '' : this.#rules.add(`(${extra} ${next})?`);
    for (const { rule, isRequired } of properties.toReversed()) {
      first = this.#rules.add(isRequired ? `${rule} ${next}` : `${rule} ${next} | ${first || '""'}`);
      next = this.#rules.add(isRequired ? `${comma} ${rule} ${next}` : `(${comma} ${rule})? ${next}`);
    }
    return first;
  }
}
