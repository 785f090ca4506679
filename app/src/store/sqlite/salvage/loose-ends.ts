import type { DatabaseSync } from 'node:sqlite';
import { readableRows } from './damaged-rows.ts';

interface MessageEnds {
  id: string;
  chat_id: string;
  parent_id: string | null;
  trash_id: string | null;
}

/** After some rows were lost: what refers to them is joined to what is left, so that all that is left can be reached. */
export function joinLooseEnds(database: DatabaseSync, source: DatabaseSync): void {
  for (const table of ['chat', 'message'])
    database.exec(
      `update ${table} set trash_id = null where trash_id is not null and trash_id not in (select id from trash)`,
    );
  joinBranches(database);
  endLostRuns(database, source);
  database.exec(`update chat set active_leaf_id =
      (select id from message where chat_id = chat.id and trash_id is null order by sequence desc limit 1)
    where active_leaf_id is null or active_leaf_id not in (select id from message)`);
}

/** A message whose parent is lost hangs below the one that was written before it, which is nearly always the one above. */
function joinBranches(database: DatabaseSync): void {
  const known = new Set<string>();
  const last = new Map<string, string>();
  const join = database.prepare('update message set parent_id = ? where id = ?');
  const rows = database
    .prepare('select id, chat_id, parent_id, trash_id from message order by sequence')
    .all() as unknown as MessageEnds[];
  for (const { id, chat_id, parent_id, trash_id } of rows) {
    const place = `${chat_id} ${trash_id}`;
    if (parent_id !== null && !known.has(parent_id)) join.run(last.get(place) ?? null, id);
    known.add(id);
    last.set(place, id);
  }
}

/** An answer whose run is lost is not being written any more; what its journal has of it is kept. */
function endLostRuns(database: DatabaseSync, source: DatabaseSync): void {
  const lost = database
    .prepare(
      "select id, run_id from message where state = 'running' and (run_id is null or run_id not in (select id from run where phase <> 'ended'))",
    )
    .all();
  if (lost.length === 0) return;
  const texts = journalTexts(source, new Set(lost.map((row) => row.run_id)));
  const end = database.prepare("update message set state = 'stopped', content = content || ? where id = ?");
  for (const { id, run_id } of lost) end.run(texts.get(String(run_id)) ?? '', String(id));
}

function journalTexts(source: DatabaseSync, runIds: ReadonlySet<unknown>): Map<string, string> {
  const entries = [...readableRows(source, 'journal', () => undefined)]
    .filter((row) => runIds.has(row.run_id))
    .sort((a, b) => Number(a.start_offset) - Number(b.start_offset));
  const texts = new Map<string, string>();
  for (const { run_id, text } of entries)
    texts.set(String(run_id), (texts.get(String(run_id)) ?? '') + String(text));
  return texts;
}
