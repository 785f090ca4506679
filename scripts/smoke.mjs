// The two commands of the README as a newcomer gives them: a fresh clone in a temporary folder, an empty HOME, and on
// the PATH the Node that is on ours, npm and a shell, nothing else. Prints how long each step took.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const scratch = mkdtempSync(join(tmpdir(), 'corral-smoke-'));
const clone = join(scratch, 'clone');
const home = join(scratch, 'home');
const nowhere = 'http://127.0.0.1:9';

/** @returns {Promise<number>} */
async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address ? address.port : 0;
}

/** @param {string} label @param {() => Promise<void>} work */
async function timed(label, work) {
  const started = performance.now();
  await work();
  console.log(`${label}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

/** What is waited for will not come once the program has ended. @param {string} address @param {number} limitMs */
async function answers(address, limitMs) {
  const child = /** @type {import('node:child_process').ChildProcess} */ (running);
  const deadline = Date.now() + limitMs;
  for (;;) {
    try {
      const response = await fetch(address);
      const text = await response.text();
      if (response.ok) return text;
    } catch {
      // Not listening yet.
    }
    if (child.exitCode !== null) throw new Error(`it ended with code ${child.exitCode} and did not answer`);
    if (Date.now() > deadline) throw new Error(`${address} did not answer within ${limitMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A folder with all that is needed and no more: no Python, no compiler, no Docker. @returns {string} */
function barePath() {
  const folder = join(scratch, 'bin');
  mkdirSync(folder);
  symlinkSync(process.execPath, join(folder, 'node'));
  for (const program of ['npm', 'sh']) {
    const path = execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim();
    symlinkSync(realpathSync(path), join(folder, program));
  }
  return folder;
}

/** Of this shell's environment all that npm may need, and nothing that Corral would take for a setting. */
const inherited = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(CORRAL_|LOGGING_|HF_|DATABASE_URL$|HOST$|PORT$)/.test(name),
  ),
);

/** @param {string} command @param {string[]} parameters @param {number} port */
function start(command, parameters, port) {
  return spawn(command, parameters, {
    cwd: clone,
    // Where somebody would ask the Hub for weights, nobody answers.
    env: { ...inherited, PATH: path, HOME: home, PORT: String(port), CI: 'true', HF_ENDPOINT: nowhere },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}

/** @param {import('node:child_process').ChildProcess} child */
async function stop(child) {
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  const [code, signal] = await exit;
  return { code, signal };
}

/** @param {string} address */
async function chat(address) {
  const response = await fetch(`${address}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'Hello' }], max_tokens: 16 }),
  });
  /** @type {{ choices?: { message?: { content?: unknown } }[], usage?: { completion_tokens?: number } }} */
  const answer = JSON.parse(await response.text());
  if (!response.ok || typeof answer.choices?.[0]?.message?.content !== 'string') {
    throw new Error(`the chat did not answer: ${JSON.stringify(answer)}`);
  }
  if (!Number(answer.usage?.completion_tokens)) throw new Error(`no tokens came: ${JSON.stringify(answer)}`);
}

/** Resident memory of the server process (the launcher's child), in bytes. @param {number} launcher */
function serverMemory(launcher) {
  const children = readFileSync(`/proc/${launcher}/task/${launcher}/children`, 'utf8').trim().split(' ');
  const status = readFileSync(`/proc/${children[0]}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024;
}

mkdirSync(home);
const path = barePath();
execFileSync('git', ['clone', '--quiet', root, clone]);
const port = await freePort();
const address = `http://127.0.0.1:${port}`;
/** @type {import('node:child_process').ChildProcess | undefined} */
let running;
try {
  await timed('fresh clone to answering page', async () => {
    running = start('npm', ['start'], port);
    const page = await answers(`${address}/`, 300_000);
    if (!page.includes('id="root"')) throw new Error('what answered is not the page');
  });
  await timed('first answer of the bundled model', () => chat(address));
  // npm hands SIGTERM on badly; the launcher notices that its parent went away.
  await timed('stopped under npm', async () => {
    await stop(/** @type {import('node:child_process').ChildProcess} */ (running));
    const deadline = Date.now() + 20_000;
    while (
      await fetch(`${address}/healthz`).then(
        () => true,
        () => false,
      )
    ) {
      if (Date.now() > deadline) throw new Error('the server outlived npm by 20 s');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
  await timed('second start to answering page', async () => {
    running = start(process.execPath, ['bin/corral.mjs', 'serve'], port);
    await answers(`${address}/`, 20_000);
  });
  // What starting took is given back within a few seconds.
  await new Promise((resolve) => setTimeout(resolve, 5000));
  const bytes = serverMemory(/** @type {number} */ (running?.pid));
  console.log(`server at rest without a model: ${(bytes / 1e6).toFixed(0)} MB resident`);
  await chat(address);
  await timed('stop on SIGTERM', async () => {
    const { code, signal } = await stop(/** @type {import('node:child_process').ChildProcess} */ (running));
    if (code !== 0) throw new Error(`the launcher ended with code ${code}, signal ${signal}`);
  });
  await timed('npm test with what it installs', async () => {
    running = start('npm', ['test', '--', 'app/src/lib'], port);
    const [code] = await once(running, 'exit');
    if (code !== 0) throw new Error(`npm test ended with code ${code}`);
  });
} finally {
  running?.kill('SIGKILL');
  rmSync(scratch, { recursive: true, force: true });
}
