import { AppError } from '../../contracts/app-error.ts';
import type { Page } from '../store.ts';

/** A cursor is what the next page starts after; its form is this file's own business. */
export function encodeCursor(position: (string | number)[]): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

export function decodeCursor<Position extends (string | number)[]>(
  cursor: string | null | undefined,
  shape: NoInfer<Position>,
): Position | null {
  if (cursor === null || cursor === undefined) return null;
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (
      Array.isArray(value) &&
      value.length === shape.length &&
      shape.every((part, at) => typeof value[at] === typeof part)
    )
      return value as Position;
  } catch {
    // The same answer as for a cursor of another shape.
  }
  throw new AppError('bad-request', 'The cursor is not one that this list gave.', {
    hint: 'Start again without a cursor.',
  });
}

/** A page of `limit` out of rows that were asked for with one more than that. */
export function toPage<Row, Item>(
  rows: Row[],
  limit: number,
  map: { item: (row: Row) => Item; position: (row: Row) => (string | number)[] },
): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(map.item),
    cursor: rows.length > limit && last !== undefined ? encodeCursor(map.position(last)) : null,
  };
}
