import { AppError } from '../contracts/app-error.ts';
import { jsonMaxDepth, jsonMaxKeys, jsonMaxValues, maxTokenValues } from './limits.ts';

export interface JsonLimits {
  maxDepth: number;
  maxKeys: number;
  /** Of lists and objects together. */
  maxValues: number;
  /** Lists and objects themselves, which take the most memory; absent: as many as values. */
  maxContainers?: number;
  /** Half of a character in a text becomes the sign for an unknown one; absent: it is refused. */
  mendsTexts?: boolean;
}

export const defaultJsonLimits: JsonLimits = {
  maxDepth: jsonMaxDepth,
  maxKeys: jsonMaxKeys,
  maxValues: jsonMaxValues,
};
/** For routes that take prompts as token ids. */
export const tokenJsonLimits: JsonLimits = { ...defaultJsonLimits, maxValues: maxTokenValues };

/** How what is wrong is told; `reason` is a sentence about it. */
export type Refuse = (reason: string, cause?: unknown) => AppError;

const refuseBody: Refuse = (reason, cause) =>
  new AppError('bad-request', `the body is not usable: ${reason}`, {
    hint: 'Send one JSON value with content-type application/json.',
    cause,
  });

const quote = 0x22;
const backslash = 0x5c;
const opening = new Set([0x7b, 0x5b]);
const closing = new Set([0x7d, 0x5d]);
const colon = 0x3a;
const comma = 0x2c;

/** Index of the quote that ends a string which begins at `start`, or the end of the text. */
function stringEnd(text: string, start: number): number {
  let index = start + 1;
  while (index < text.length) {
    const unit = text.charCodeAt(index);
    if (unit === quote) return index;
    index += unit === backslash ? 2 : 1;
  }
  return index;
}

/**
 * Counts before anything is built: a parser that recurses would end the process, a million keys would fill it, and so
 * would what a schema says of each of a million wrong values.
 */
function checkShape(text: string, limits: JsonLimits, refuse: Refuse): void {
  const { maxContainers = limits.maxValues } = limits;
  const shape = { depth: 0, containers: 0, keys: 0, values: 1 };
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit === quote) index = stringEnd(text, index);
    else count(unit, shape);
    const { depth, containers, keys, values } = shape;
    if (depth > limits.maxDepth) throw refuse(`it is nested deeper than ${limits.maxDepth} levels`);
    if (containers > maxContainers) throw refuse(`it has more than ${maxContainers} lists and objects`);
    if (keys > limits.maxKeys) throw refuse(`it has more than ${limits.maxKeys} keys`);
    if (values > limits.maxValues) throw refuse(`it has more than ${limits.maxValues} values`);
  }
}

interface Shape {
  depth: number;
  containers: number;
  keys: number;
  values: number;
}

function count(unit: number, shape: Shape): void {
  if (opening.has(unit)) {
    shape.depth++;
    shape.containers++;
  } else if (closing.has(unit)) shape.depth--;
  else if (unit === colon) shape.keys++;
  else if (unit === comma) shape.values++;
}

const suspicious = /__proto__|\\u/i;

/** Escapes can hide half a character or a name that changes an object's prototype. Gives what stands for the value. */
function checkedValue(value: unknown, limits: JsonLimits, refuse: Refuse): unknown {
  if (typeof value === 'string') {
    if (limits.mendsTexts !== true && !value.isWellFormed())
      throw refuse('a text holds half of a character (a lone surrogate)');
    return value.toWellFormed();
  }
  if (typeof value !== 'object' || value === null) return value;
  const fields = value as Record<string, unknown>;
  for (const [key, inner] of Object.entries(fields)) {
    if (key === '__proto__') throw refuse('"__proto__" is not a field');
    if (!key.isWellFormed()) throw refuse('a name holds half of a character (a lone surrogate)');
    fields[key] = checkedValue(inner, limits, refuse);
  }
  return fields;
}

const decoder = new TextDecoder('utf-8', { fatal: true });

/** Bytes of a body as a value: valid UTF-8, bounded in depth and keys, without half characters. */
export function parseJsonBody(
  bytes: Uint8Array,
  limits: JsonLimits = defaultJsonLimits,
  refuse: Refuse = refuseBody,
): unknown {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch (cause) {
    throw refuse('it is not valid UTF-8', cause);
  }
  if (text.trim() === '') return undefined;
  checkShape(text, limits, refuse);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw refuse('it is not JSON', cause);
  }
  return suspicious.test(text) ? checkedValue(value, limits, refuse) : value;
}
