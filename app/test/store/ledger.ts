/** What a writing program says on its standard output: only what the store has acknowledged. */
export type Acknowledged =
  | { what: 'ready' }
  | { what: 'chat'; id: string; title: string }
  | { what: 'message'; id: string; text: string }
  | { what: 'run'; id: string; messageId: string }
  /** All text of the run so far. */
  | { what: 'journal'; runId: string; text: string }
  | { what: 'finished'; runId: string; messageId: string; text: string }
  | { what: 'refused'; call: string; code: string; hint: string | null }
  | { what: 'note'; text: string };

export function parseLedger(output: string): Acknowledged[] {
  return output
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Acknowledged);
}
