import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram, startServer } from '../program.ts';
import { buildPage } from './open-page.ts';

/** The whole program as it is started on a machine of its own, with the bundled model. */
export interface CriaServer {
  address: string;
  close(): Promise<void>;
}

export interface CriaServerOptions {
  environment?: Record<string, string>;
  /** Command lines to run before the start. */
  before?: string[][];
}

export async function startCria({
  environment = {},
  before = [],
}: CriaServerOptions = {}): Promise<CriaServer> {
  await buildPage();
  const folder = mkdtempSync(join(tmpdir(), 'corral-cria-'));
  const home = join(folder, 'home');
  const ownEnvironment = { HF_HUB_OFFLINE: 'true', ...environment, CORRAL_HOME: home };
  for (const words of before) {
    const { code, stderr } = await runProgram(words, { environment: ownEnvironment });
    if (code !== 0) throw new Error(`${words.join(' ')}: ${stderr}`);
  }
  const server = await startServer(home, { environment: ownEnvironment });
  return {
    address: server.address,
    async close() {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
