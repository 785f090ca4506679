import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { openChats } from '../fixtures/open-chats.ts';
import type { DriverLine } from './driver.ts';
import { Ledger } from './ledger.ts';

const driver = join(import.meta.dirname, 'driver.ts');

function start(home: string, mode: 'work' | 'settle', driverSeed: number): ChildProcess {
  return spawn(process.execPath, [driver, home, mode, String(driverSeed)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Reads what a driver tells until it ends; the last line may be cut off by the kill. */
async function listen(child: ChildProcess, ledger: Ledger): Promise<DriverLine[]> {
  const lines: DriverLine[] = [];
  for await (const line of createInterface({ input: child.stdout! })) {
    try {
      const told = JSON.parse(line) as DriverLine;
      lines.push(told);
      ledger.take(told);
    } catch {
      // Cut off in the middle: nobody was told.
    }
  }
  return lines;
}

/** The same seed sends the same messages; when the kill comes is up to the machine as well. */
export function killTest(rounds: number): void {
  const seed = Number(process.env['KILL_SEED'] ?? Date.now() % 1_000_000);
  test(
    `kill -9 in ${rounds} rounds (seed ${seed}) loses nothing that was acknowledged and changes nothing that was shown`,
    { timeout: 60_000 + rounds * 8000 },
    async () => {
      const home = mkdtempSync(join(tmpdir(), 'ledger-of-kills-'));
      const ledger = new Ledger();
      let state = seed;
      const random = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
      try {
        for (let round = 0; round < rounds; round++) {
          // Somebody who cleans the folder of temporary files would otherwise look like a loss.
          if (round > 0) expect(readdirSync(home)).toContain('corral.db');
          const child = start(home, 'work', seed + round);
          const gone = Promise.all([once(child, 'close'), listen(child, ledger)]);
          const ready = ledger.ready;
          while (ledger.ready === ready && child.exitCode === null)
            await new Promise((done) => setTimeout(done, 5));
          await new Promise((done) => setTimeout(done, 100 + random() * 1100));
          child.kill('SIGKILL');
          await gone;
          expect(child.signalCode).toBe('SIGKILL');
        }
        const settling = start(home, 'settle', seed);
        const lines = await listen(settling, ledger);
        expect(lines.at(-1)).toEqual({ told: 'settled' });
        // A database that was set aside would be found empty, which is worse than any single loss: say so first.
        expect(readdirSync(home)).not.toContain('damaged');
        const opened = await openChats({ home });
        await ledger.check(opened.chats, opened.owner);
        const health = await opened.store.health();
        await opened.close();
        console.log(
          `kill -9: seed ${seed}, ${rounds} kills, ${ledger.accepted.size} acknowledged messages, ` +
            `${ledger.answers.size} answers, ${ledger.resumedRuns} runs resumed, ${ledger.violations.length} violations`,
        );
        expect(ledger.violations).toEqual([]);
        expect(health.notices).toEqual([]);
        expect(ledger.accepted.size).toBeGreaterThan(rounds);
        expect(ledger.resumedRuns).toBeGreaterThan(rounds / 2);
      } finally {
        rmSync(home, { recursive: true, force: true });
      }
    },
  );
}
