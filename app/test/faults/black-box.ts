import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Chats } from '../../src/chat/chats.ts';
import { openLogSink, type LogSink } from '../fixtures/log-sink.ts';
import { nativeClient } from '../fixtures/native-client.ts';
import { SeededRandom } from '../fixtures/random.ts';
import { halfOpenClients, slowClients } from './hostile-clients.ts';
import { HttpDriver } from './http-driver.ts';
import { Ledger } from './ledger.ts';
import { ServerProcess } from './server-process.ts';

/** A server, the people who use it, and what they were told. */
export class BlackBox {
  readonly ledger = new Ledger();
  readonly driver: HttpDriver;
  readonly sink: LogSink;
  readonly random: SeededRandom;
  server: ServerProcess;
  readonly #folder: string;

  private constructor(parts: { folder: string; sink: LogSink; server: ServerProcess; random: SeededRandom }) {
    const { folder, sink, server, random } = parts;
    this.#folder = folder;
    this.sink = sink;
    this.server = server;
    this.random = random;
    this.driver = new HttpDriver({ address: server.address, ledger: this.ledger, random });
  }

  static async open(seed: number): Promise<BlackBox> {
    const folder = mkdtempSync(join(tmpdir(), 'corral-black-box-'));
    const home = join(folder, 'home');
    mkdirSync(home);
    const sink = await openLogSink();
    const environment = { LOGGING_URL: sink.url, HF_HUB_OFFLINE: 'true', CORRAL_LOG_LEVEL: 'silent' };
    const server = await ServerProcess.start({ home, clockFile: join(folder, 'clock'), environment });
    return new BlackBox({ folder, sink, server, random: new SeededRandom(seed) });
  }

  async restart(): Promise<void> {
    this.server = await this.server.again();
    this.driver.moveTo(this.server.address);
  }

  /** No answer is being written any more. */
  async settle(): Promise<void> {
    const client = nativeClient(this.server.address);
    const deadline = performance.now() + 120_000;
    for (;;) {
      const { runs } = await client.call<{ runs: unknown[] }>('GET', '/api/runs');
      if (runs.length === 0) return;
      if (performance.now() > deadline) throw new Error(`${runs.length} runs go on for two minutes`);
      await pause(200);
    }
  }

  /** Everybody leaves; then what the server has is held against what they were told. */
  async check(): Promise<void> {
    await this.driver.end();
    await this.settle();
    const client = nativeClient(this.server.address);
    const asked = {
      open: (_owner: string, id: string) => client.open(id),
      listRuns: async () => (await client.call<{ runs: unknown[] }>('GET', '/api/runs')).runs,
    } as unknown as Pick<Chats, 'open' | 'listRuns'>;
    await this.ledger.check(asked, 'whoever asks');
  }

  async close(): Promise<void> {
    await this.server.kill();
    await this.sink.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Each does its harm while people go on talking, and takes it back. */
export const faults: Record<string, (box: BlackBox) => Promise<void>> = {
  async 'kill -9'(box) {
    await pause(200 + box.random.next() * 800);
    await box.server.kill();
    await box.restart();
  },
  async 'SIGTERM and start'(box) {
    const { code } = await box.server.stop();
    if (code !== 0) throw new Error(`the server ended with ${code}`);
    await box.restart();
  },
  async 'SIGSTOP and SIGCONT'(box) {
    box.server.signal('SIGSTOP');
    await pause(1500);
    box.server.signal('SIGCONT');
  },
  async 'a crashing engine'(box) {
    process.kill(await box.server.waitForEngine(60_000), 'SIGKILL');
  },
  async 'an engine that hangs'(box) {
    const pid = await box.server.waitForEngine(60_000);
    process.kill(pid, 'SIGSTOP');
    // Found silent, ended and replaced by the server alone.
    for (const until = performance.now() + 60_000; box.server.engines().includes(pid);) {
      if (performance.now() > until) throw new Error('the hung engine is still there after a minute');
      await pause(200);
    }
  },
  async 'slow and half-open clients'(box) {
    const slow = slowClients(box.server.address, 60);
    const halfOpen = halfOpenClients(box.server.address, '/api/export', 30);
    try {
      await box.driver.progress(3, 60_000);
    } finally {
      slow.close();
      halfOpen.close();
    }
  },
  async 'a dead log sink'(box) {
    box.sink.behave((response) => void (box.random.next() < 0.5 ? response.destroy() : undefined));
    await box.driver.progress(3, 60_000);
    box.sink.behave((response) => response.end());
  },
  async 'clock jumps'(box) {
    const hour = 3_600_000;
    // A day at most: what waits longer than LOGGING_MAX_DAYS is given up by design.
    for (const offset of [-hour, 26 * hour, 0]) {
      box.server.jumpClock(offset);
      await box.driver.progress(1, 60_000);
    }
  },
};
