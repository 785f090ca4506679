import { z } from 'zod';
import { AppError } from '../contracts/app-error.ts';
import type { JsonSchema } from '../contracts/sampling.ts';
import { maxSchemaBytes } from './limits.ts';

/** The `value` of a JSON grammar, as Text Generation Inference and the Hub's clients send it. */
export const schemaValueSchema = z.union([
  z.record(z.string(), z.unknown()),
  z.string().max(maxSchemaBytes),
  z.boolean(),
]);

function parsed(text: string, field: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError('grammar-invalid', `\`${field}\` is not valid JSON`, {
      details: { field },
      cause,
    });
  }
}

/** A schema itself, or as text, or with its name beside it: `{"name": …, "schema": …}`. */
export function schemaOfValue(value: z.infer<typeof schemaValueSchema>, field: string): JsonSchema {
  const given: unknown = typeof value === 'string' ? parsed(value, field) : value;
  if (typeof given === 'boolean') return given;
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new AppError('grammar-invalid', `\`${field}\` is not a JSON schema`, { details: { field } });
  // JSON Schema knows no keyword `schema`: taken as one, it would allow everything.
  const { schema } = given as { schema?: unknown };
  return (typeof schema === 'object' && schema !== null ? schema : given) as JsonSchema;
}
