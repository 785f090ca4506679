import type { DatabaseSync } from 'node:sqlite';
import { isDamage } from '../sqlite-errors.ts';

export type RawRow = Record<string, string | number | null>;

/** How far beyond the last known number of a table a row may be: its counter may be lost or older than its rows. */
const blindReach = 5000;

/**
 * Reads a table of a damaged file in the order of its rows and passes over what cannot be read. It goes by row number
 * alone, so damage in an index costs nothing. `onGap` is told of each place where something could not be read.
 */
export function* readableRows(
  database: DatabaseSync,
  table: string,
  onGap: () => void,
): Generator<RawRow, void, void> {
  const highest = highestRow(database, table) ?? Number.NaN;
  let last = 0;
  for (;;) {
    const read = startReading(database, table, last);
    for (let row = next(read); row !== 'end'; row = next(read)) {
      if (row === 'damaged') break;
      const { $row: number, ...columns } = row;
      // Bytes of no meaning may look like a row with any number.
      if (typeof number !== 'number' || number <= last || number > highest + blindReach) continue;
      last = number;
      yield columns;
    }
    if (read.isWhole) return;
    onGap();
    const good = nextReadable(database, { table, last }, Math.max(highest || 0, last) + blindReach);
    if (good === null) return;
    last = good;
  }
}

interface Reading {
  rows: Iterator<RawRow>;
  isWhole: boolean;
}

/** Rows after `last`. A statement of its own each time: one that met damage tells of it again when it is used again. */
function startReading(database: DatabaseSync, table: string, last: number): Reading {
  const after = database.prepare(`select rowid as "$row", * from ${table} where rowid > ? order by rowid`);
  return { rows: after.iterate(last) as unknown as Iterator<RawRow>, isWhole: false };
}

function next(reading: Reading): RawRow | 'end' | 'damaged' {
  try {
    const step = reading.rows.next();
    if (step.done !== true) return step.value;
    reading.isWhole = true;
    return 'end';
  } catch (error) {
    if (isUnreadable(error)) return 'damaged';
    throw error;
  }
}

/** The number after which reading works again, or is at its end. */
function nextReadable(
  database: DatabaseSync,
  { table, last }: { table: string; last: number },
  highest: number,
): number | null {
  for (let number = last + 1; number <= highest; number++) {
    const step = next(startReading(database, table, number));
    if (step === 'end') return null;
    if (step !== 'damaged') return number;
  }
  return null;
}

/** Numbers of meaningless bytes may be larger than JavaScript's. */
function isUnreadable(error: unknown): boolean {
  return isDamage(error) || (error as NodeJS.ErrnoException | null)?.code === 'ERR_OUT_OF_RANGE';
}

function highestRow(database: DatabaseSync, table: string): number | undefined {
  try {
    const known = database.prepare('select seq from sqlite_sequence where name = ?').get(table);
    if (typeof known?.seq === 'number') return known.seq;
    const found = database.prepare(`select max(rowid) as seq from ${table}`).get();
    return typeof found?.seq === 'number' ? found.seq : undefined;
  } catch (error) {
    if (isUnreadable(error)) return undefined;
    throw error;
  }
}
