import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';
import { type Acknowledged, parseLedger } from './ledger.ts';
import { nodeFlags } from '../../../bin/runtime.mjs';

const program = join(import.meta.dirname, 'store-program.ts');
/** More of them by hand: `CORRAL_KILL_ROUNDS=2000`. */
const rounds = Number(process.env.CORRAL_KILL_ROUNDS ?? 10);
const longestLifeMs = 400;

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'corral-kill-'));
});
afterEach(() => rmSync(home, { recursive: true }));

interface Running {
  child: ChildProcess;
  ledger(): Acknowledged[];
  ended: Promise<number | null>;
}

function start(work: string, ...parameters: string[]): Running {
  const child = spawn(process.execPath, [...nodeFlags, program, work, home, ...parameters], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  // A line that was cut by the kill was not said.
  return { child, ended, ledger: () => parseLedger(output.slice(0, output.lastIndexOf('\n') + 1)) };
}

async function untilReady(running: Running): Promise<void> {
  while (running.ledger().length === 0) {
    if (running.child.exitCode !== null) throw new Error('the program ended before it was ready');
    await sleep(5);
  }
}

/** Everything that was acknowledged is there, unit for unit. */
async function verify(store: Store, ledger: readonly Acknowledged[]): Promise<void> {
  const shown = new Map<string, string>();
  for (const said of ledger) {
    if (said.what === 'chat') expect((await store.getChat('me', said.id))?.title).toBe(said.title);
    if (said.what === 'message') expect((await store.getMessage('me', said.id))?.content).toBe(said.text);
    if (said.what === 'run') shown.set(said.id, '');
    if (said.what === 'journal') shown.set(said.runId, said.text);
    if (said.what === 'finished') {
      shown.set(said.runId, said.text);
      expect(await store.getMessage('me', said.messageId)).toMatchObject({
        content: said.text,
        state: 'complete',
      });
    }
  }
  for (const [runId, text] of shown) {
    const journal = await store.readJournal('me', runId, 0);
    expect(journal?.text.startsWith(text), `${runId}: ${journal?.text} does not begin with ${text}`).toBe(
      true,
    );
  }
}

test(
  `killed ${rounds} times at random moments, it loses nothing that was acknowledged`,
  { timeout: 60_000 + rounds * 15_000 },
  async () => {
    let said = 0;
    for (let round = 0; round < rounds; round++) {
      const running = start('everything');
      await untilReady(running);
      const lifeMs = Math.random() * longestLifeMs;
      await sleep(lifeMs);
      running.child.kill('SIGKILL');
      await running.ended;
      const ledger = running.ledger();
      said += ledger.length;
      const store = await createSqliteStore({ home, clock: systemClock, log: silentLog, reserveBytes: 4096 });
      try {
        expect((await store.health()).notices, `round ${round}, after ${lifeMs} ms`).toEqual([]);
        await verify(store, ledger);
        for (const run of await store.unfinishedRuns()) {
          const resumed = await store.resumeRun('me', {
            runId: run.id,
            epoch: run.epoch,
            engineCrashed: false,
          });
          expect(resumed.text.length).toBe(run.durableOffset);
        }
      } finally {
        await store.close();
      }
      const database = new DatabaseSync(join(home, 'corral.db'));
      expect(database.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
      expect(database.prepare('PRAGMA foreign_key_check').all()).toEqual([]);
      database.close();
    }
    console.log(`${rounds} kills, ${said} acknowledgements, 0 lost`);
    expect(said).toBeGreaterThan(rounds * 5);
  },
);

test('two processes on one folder lose nothing of each other', async () => {
  const both = [start('sequence', '60'), start('sequence', '60')];
  await Promise.all(both.map((running) => running.ended));
  const ledger = both.flatMap((running) => running.ledger());
  expect(ledger.filter((said) => said.what === 'message')).toHaveLength(120);
  const store = await createSqliteStore({ home, clock: systemClock, log: silentLog, reserveBytes: 4096 });
  await verify(store, ledger);
  await store.close();
});
