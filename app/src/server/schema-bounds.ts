import { AppError } from '../contracts/app-error.ts';
import type { JsonSchema } from '../contracts/sampling.ts';
import { maxSchemaBytes, maxSchemaDepth } from './limits.ts';

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

/** S16: a schema becomes a grammar, whose size grows with it. */
export function checkSchema(schema: JsonSchema, field: string): void {
  const sizeBytes = Buffer.byteLength(JSON.stringify(schema));
  if (sizeBytes > maxSchemaBytes) {
    throw new AppError(
      'value-out-of-range',
      `the schema in "${field}" has ${sizeBytes} bytes; at most ${maxSchemaBytes} are taken`,
      {
        details: { field },
      },
    );
  }
  if (depthOf(schema) > maxSchemaDepth) {
    throw new AppError(
      'value-out-of-range',
      `the schema in "${field}" is deeper than ${maxSchemaDepth} levels`,
      {
        details: { field },
      },
    );
  }
}
