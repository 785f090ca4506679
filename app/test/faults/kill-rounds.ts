import { spawn, type ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openChats } from '../fixtures/open-chats.ts';
import { bundleDriver } from './driver-bundle.ts';
import type { DriverLine } from './driver.ts';
import { Ledger } from './ledger.ts';
import { nodeFlags } from '../../../bin/runtime.mjs';

/** So many kills hit the same home; then everything in it is compared, and the next rounds begin with an empty one. */
const roundsOfOneHome = 50;
/**
 * A kill comes after at most so many lines of what a client is told, so that a busy machine does as much as a calm one; answers
 * that are taken up again make some 80 of them before anything new is sent.
 */
const mostLines = 400;
/** And then at any moment of the journal's rhythm: not only when something has just been told. */
const longestDelayMs = 200;
/** This part of the kills comes while the driver is still opening and taking up again. */
const partBeforeReady = 1 / 8;
/** Eight starts in vain, and the ninth gives an answer up. */
const fruitlessStarts = 9;

interface Figures {
  kills: number;
  accepted: number;
  answers: number;
  resumed: number;
}

interface Batch {
  driver: string;
  folder: string;
  seed: number;
  rounds: number;
}

/**
 * The same seed sends the same messages; when the kill comes is up to the machine as well. `KILL_SEED` chooses the
 * seed, `KILL_FOLDER` where the homes are: not a folder that others clean.
 */
export function killTest(rounds: number): void {
  const seed = Number(process.env['KILL_SEED'] ?? Date.now() % 1_000_000);
  test(
    `kill -9 in ${rounds} rounds (seed ${seed}) loses nothing that was acknowledged and changes nothing that was shown`,
    { timeout: 60_000 + rounds * 60_000 },
    async () => {
      const folder = mkdtempSync(join(process.env['KILL_FOLDER'] ?? tmpdir(), 'ledger-of-kills-'));
      console.log(`kill -9: in ${folder}, which stays when something is found`);
      const total: Figures = { kills: 0, accepted: 0, answers: 0, resumed: 0 };
      const driver = await readyDriver(folder, rounds);
      while (total.kills < rounds) {
        const size = Math.min(roundsOfOneHome, rounds - total.kills);
        const batch = { driver, folder, seed: seed + total.kills, rounds: size };
        const figures = await killOneHome(batch);
        for (const name of Object.keys(total) as (keyof Figures)[]) total[name] += figures[name];
        console.log(
          `kill -9: seed ${batch.seed}: ${total.kills} kills, ${total.accepted} acknowledged messages, ` +
            `${total.answers} answers, ${total.resumed} runs resumed, 0 lost or changed`,
        );
      }
      expect(total.accepted).toBeGreaterThan(rounds);
      expect(total.resumed).toBeGreaterThan(rounds / 2);
      rmSync(folder, { recursive: true });
    },
  );
}

/** Only a process that ends by itself leaves compiled code for the next ones, so one does. */
async function readyDriver(folder: string, rounds: number): Promise<string> {
  const driver =
    rounds > roundsOfOneHome ? bundleDriver(join(folder, 'driver')) : join(import.meta.dirname, 'driver.ts');
  const home = mkdtempSync(join(folder, 'home-'));
  await listen(start({ driver, home, mode: 'settle', seed: 1 }), new Ledger()).gone;
  rmSync(home, { recursive: true });
  return driver;
}

/** Kills a driver again and again over one home, then compares what is in it with what was told. */
async function killOneHome({ driver, folder, seed, rounds }: Batch): Promise<Figures> {
  const home = mkdtempSync(join(folder, 'home-'));
  const ledger = new Ledger();
  const startedAt: number[] = [];
  let state = seed;
  const random = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
  let startMs = 0;
  for (let round = 0; round < rounds; round++) {
    // Somebody who cleans the folder of temporary files would otherwise look like a loss.
    if (round > 0) expect(readdirSync(home)).toContain('corral.db');
    const isEarly = round > 0 && random() < partBeforeReady;
    startedAt.push(Date.now());
    const child = start({ driver, home, mode: 'work', seed: seed + round });
    const began = performance.now();
    const { told, gone } = listen(child, ledger);
    if (isEarly) await Promise.race([told(1), sleep(random() * startMs)]);
    else {
      await told(1);
      startMs = performance.now() - began;
      await told(random() * mostLines);
      await sleep(random() * longestDelayMs);
    }
    child.kill('SIGKILL');
    await gone;
    expect(child.signalCode).toBe('SIGKILL');
  }
  const settling = start({ driver, home, mode: 'settle', seed });
  expect((await listen(settling, ledger).gone).at(-1)).toEqual({ told: 'settled' });
  // A database that was set aside would be found empty, which is worse than any single loss: say so first.
  expect(readdirSync(home)).not.toContain('damaged');
  const opened = await openChats({ home });
  await ledger.check(opened.chats, opened.owner);
  const health = await opened.store.health();
  await opened.close();
  expect(ledger.violations).toEqual([]);
  // A stop of the server costs no answer but one that so many starts found where the one before had left it. When it
  // was begun its own time says: the ledger hears of it later, where the kill came before the acknowledgement.
  const startsSince = (time: number): number => rounds - startedAt.findLastIndex((start) => start <= time);
  expect(ledger.failed.filter(({ createdAt }) => startsSince(createdAt) < fruitlessStarts)).toEqual([]);
  expect(health.notices).toEqual([]);
  rmSync(home, { recursive: true });
  return {
    kills: rounds,
    accepted: ledger.accepted.size,
    answers: ledger.answers.size,
    resumed: ledger.resumedRuns,
  };
}

function start(how: { driver: string; home: string; mode: 'work' | 'settle'; seed: number }): ChildProcess {
  return spawn(process.execPath, [...nodeFlags, how.driver, how.home, how.mode, String(how.seed)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_COMPILE_CACHE: join(how.home, '..', 'compiled') },
  });
}

interface Listening {
  /** Resolves when so many lines were read, or no more will come. */
  told: (count: number) => Promise<void>;
  gone: Promise<DriverLine[]>;
}

/** Reads what a driver tells until it ends; the last line may be cut off by the kill. */
function listen(child: ChildProcess, ledger: Ledger): Listening {
  const lines: DriverLine[] = [];
  const news = new EventEmitter();
  const reading = async (): Promise<void> => {
    for await (const line of createInterface({ input: child.stdout! })) {
      try {
        const told = JSON.parse(line) as DriverLine;
        lines.push(told);
        ledger.take(told);
        news.emit('line');
      } catch {
        // Cut off in the middle: nobody was told.
      }
    }
  };
  let isOver = false;
  const gone = Promise.all([reading(), once(child, 'close')]).then(() => {
    isOver = true;
    news.emit('line');
    return lines;
  });
  return {
    gone,
    async told(count) {
      const isEnough = (): boolean => isOver || lines.length >= count;
      while (!isEnough()) await once(news, 'line');
    },
  };
}
