import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Chats } from '../../src/chat/chats.ts';
import { openLogSink, type LogSink } from '../fixtures/log-sink.ts';
import { nativeClient, type NativeClient } from '../fixtures/native-client.ts';
import { SeededRandom } from '../fixtures/random.ts';
import { writeTinyGguf } from '../fixtures/tiny-gguf.ts';
import { type LocalHub, startLocalHub } from '../hub/local-hub.ts';
import { type CuttingProxy, openCuttingProxy } from './cutting-proxy.ts';
import { HttpDriver } from './http-driver.ts';
import { Ledger } from './ledger.ts';
import { ServerProcess } from './server-process.ts';

interface Surroundings {
  folder: string;
  sink: LogSink;
  hub: LocalHub;
  network: CuttingProxy;
  random: SeededRandom;
}

/** A server, the people who use it, all that it has to do with, and what people were told. */
export class BlackBox {
  readonly ledger = new Ledger();
  readonly driver: HttpDriver;
  readonly sink: LogSink;
  readonly hub: LocalHub;
  readonly network: CuttingProxy;
  readonly random: SeededRandom;
  server: ServerProcess;
  readonly #folder: string;
  #models = 0;

  private constructor({ folder, sink, hub, network, random }: Surroundings, server: ServerProcess) {
    this.#folder = folder;
    this.sink = sink;
    this.hub = hub;
    this.network = network;
    this.random = random;
    this.server = server;
    network.leadTo(server.address);
    this.driver = new HttpDriver({ address: network.address, ledger: this.ledger, random });
  }

  static async open(seed: number): Promise<BlackBox> {
    const folder = mkdtempSync(join(tmpdir(), 'corral-black-box-'));
    const home = join(folder, 'home');
    mkdirSync(home);
    const random = new SeededRandom(seed);
    const [sink, hub] = await Promise.all([openLogSink(), startLocalHub()]);
    const network = await openCuttingProxy(() => random.next());
    const environment = {
      LOGGING_URL: sink.url,
      HF_ENDPOINT: hub.endpoint,
      HF_HOME: join(folder, 'huggingface'),
      CORRAL_OUTBOUND_HOSTS: hub.hosts.join(','),
      CORRAL_LOG_LEVEL: 'silent',
    };
    const server = await ServerProcess.start({ home, clockFile: join(folder, 'clock'), environment });
    return new BlackBox({ folder, sink, hub, network, random }, server);
  }

  /** A script of somebody whose network holds. */
  get client(): NativeClient {
    return nativeClient(this.server.address);
  }

  async restart(): Promise<void> {
    this.server = await this.server.again();
    this.network.leadTo(this.server.address);
  }

  /** Another small model on the Hub that nobody here has; its reference. */
  async newModel(): Promise<string> {
    const seed = ++this.#models;
    const { path } = await writeTinyGguf(this.#folder, { name: `model-${seed}`, seed, type: 'q8_0' });
    const id = `owner/tiny-${seed}-GGUF`;
    this.hub.add({ id, files: { 'tiny-Q8_0.gguf': readFileSync(path) } });
    return `${id}:Q8_0`;
  }

  /** No answer is being written any more. */
  async settle(): Promise<void> {
    const deadline = performance.now() + 120_000;
    for (;;) {
      const { runs } = await this.client.call<{ runs: unknown[] }>('GET', '/api/runs');
      if (runs.length === 0) return;
      if (performance.now() > deadline) throw new Error(`${runs.length} runs go on for two minutes`);
      await pause(200);
    }
  }

  /** Everybody leaves; then what the server has is held against what they were told. */
  async check(): Promise<void> {
    await this.driver.end();
    await this.settle();
    const { client } = this;
    const asked = {
      open: (_owner: string, id: string) => client.open(id),
      listRuns: async () => (await client.call<{ runs: unknown[] }>('GET', '/api/runs')).runs,
    } as unknown as Pick<Chats, 'open' | 'listRuns'>;
    await this.ledger.check(asked, 'whoever asks');
  }

  async close(): Promise<void> {
    await this.server.kill();
    await Promise.all([this.sink.close(), this.hub.close(), this.network.close()]);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
