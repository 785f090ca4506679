import type { RowOrder } from './architectures/architecture.ts';

/** Rows of a tensor that are read, changed and written at once. Source rows follow each other, and so do target rows. */
export interface RowRange {
  sourceRow: number;
  targetRow: number;
  rows: number;
}

/** About so many weights make one unit: 4 MB as f32, whatever the model's size. */
const unitValues = 1 << 20;

function* pieces(from: RowRange, rowsAtOnce: number): Iterable<RowRange> {
  for (let done = 0; done < from.rows; done += rowsAtOnce)
    yield {
      sourceRow: from.sourceRow + done,
      targetRow: from.targetRow + done,
      rows: Math.min(rowsAtOnce, from.rows - done),
    };
}

function* groupSegments(order: Extract<RowOrder, { kind: 'groups' }>): Iterable<RowRange> {
  const { headWidth, queriesPerGroup, groups } = order;
  const queries = queriesPerGroup * headWidth;
  const perGroup = queries + 2 * headWidth;
  for (let group = 0; group < groups; group++) {
    const at = group * perGroup;
    yield { sourceRow: at, targetRow: group * queries, rows: queries };
    const key = groups * queries + group * headWidth;
    yield { sourceRow: at + queries, targetRow: key, rows: headWidth };
    yield { sourceRow: at + queries + headWidth, targetRow: key + groups * headWidth, rows: headWidth };
  }
}

/** Cuts a tensor into units, in the order of its source rows. */
export function rowUnits(rows: number, columns: number, order: RowOrder): RowRange[] {
  const plain = Math.max(1, Math.floor(unitValues / columns));
  if (order.kind === 'groups')
    return [...groupSegments(order)].flatMap((segment) => [...pieces(segment, plain)]);
  const head = order.kind === 'woven' ? order.headWidth : 1;
  const whole = Math.max(head, Math.floor(plain / head) * head);
  return [...pieces({ sourceRow: 0, targetRow: 0, rows }, whole)];
}

/** Which row of a unit of whole heads becomes its row `row`: the halves of each head are woven into each other. */
export function wovenRow(row: number, headWidth: number): number {
  const within = row % headWidth;
  return row - within + (within % 2) * (headWidth / 2) + Math.floor(within / 2);
}
