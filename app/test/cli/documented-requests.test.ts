import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningServer, startServer } from '../fixtures/running-server.ts';
import { root } from '../program.ts';

/** The curl lines of the documents, typed as they stand there into a shell, at a server that runs. */
let running: RunningServer;
beforeAll(async () => {
  running = await startServer({ script: { tokensPerSecond: 400 } });
});
afterAll(() => running.close());

const wanted = [
  ['docs/api.md', /event: start\n[^]*event: text\n[^]*event: end\ndata: .*"stop"/],
  ['docs/compatibility.md', /event: complete\ndata: \["/],
] as const;

test.each(wanted)('%s', async (document, outcome) => {
  const blocks = readFileSync(join(root, document), 'utf8').matchAll(/^```sh\n([^]*?)^```/gm);
  const scripts = [...blocks].flatMap(([, lines = '']) => (lines.includes('curl') ? [lines] : []));
  expect(scripts.length).toBeGreaterThan(0);
  for (const script of scripts) {
    const here = script.replaceAll(/(?:http:\/\/)?(?:127\.0\.0\.1|localhost):7860/g, running.address);
    expect(here).not.toBe(script);
    const { stdout } = await promisify(execFile)('sh', ['-euc', here], { timeout: 60_000 });
    expect(stdout).toMatch(outcome);
  }
});
