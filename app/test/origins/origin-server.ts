import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nativeClient, type NativeClient } from '../fixtures/native-client.ts';
import { type LocalHub, type LocalHubOptions, startLocalHub } from '../hub/local-hub.ts';
import { runProgram, startServer, type Ended, type RunningServer } from '../program.ts';

/** The program as its user has it: a process, a CORRAL_HOME with an `.env`, and a Hub on this machine. */
export interface Origin {
  hub: LocalHub;
  home: string;
  folder: string;
  /** Settings as the shell holds them. */
  environment: Record<string, string>;
  /** Lines of `.env` in CORRAL_HOME, where people keep keys. */
  writeDotenv(values: Record<string, string>): void;
  /** Takes a setting back, for the next start. */
  without(name: string): void;
  start(parameters?: string[]): Promise<StartedOrigin>;
  corral(...parameters: string[]): Promise<Ended>;
  close(): Promise<void>;
}

export interface StartedOrigin extends NativeClient {
  address: string;
  server: RunningServer;
}

export interface OriginOptions {
  hub: LocalHubOptions;
  /** Settings as a shell would hold them. */
  environment?: Record<string, string>;
}

export async function prepareOrigin(options: OriginOptions): Promise<Origin> {
  const folder = mkdtempSync(join(tmpdir(), 'corral-origin-'));
  const home = join(folder, 'home');
  mkdirSync(home);
  const hub = await startLocalHub(options.hub);
  const environment: Record<string, string> = {
    CORRAL_HOME: home,
    HF_ENDPOINT: hub.endpoint,
    HF_HOME: join(folder, 'huggingface'),
    CORRAL_OUTBOUND_HOSTS: hub.hosts.join(','),
    ...options.environment,
  };
  const started: RunningServer[] = [];
  return {
    hub,
    home,
    folder,
    environment,
    writeDotenv(values) {
      const lines = Object.entries(values).map(([name, value]) => `${name}=${value}\n`);
      writeFileSync(join(home, '.env'), lines.join(''), { mode: 0o600 });
    },
    without: (name) => void delete environment[name],
    async start(parameters = []) {
      const server = await startServer(home, { environment, parameters });
      started.push(server);
      return { ...nativeClient(server.address), address: server.address, server };
    },
    corral: (...parameters) => runProgram(parameters, { environment }),
    async close() {
      for (const { program } of started) program.process.kill('SIGKILL');
      await Promise.all(started.map(({ program }) => program.ended));
      await hub.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
