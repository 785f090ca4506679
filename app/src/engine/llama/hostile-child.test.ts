import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { crashFlags } from '../../../../bin/runtime.mjs';
import { writeTinyGguf, writeTinyLora, type TinyGguf } from '../../../test/fixtures/tiny-gguf.ts';
import { silentLog } from '../../lib/log.ts';
import { answerOf, chatRequest } from '../contract/answers.ts';
import type { ModelSource } from '../engine.ts';
import { createLlamaLoader, type LlamaLoader } from './llama-loader.ts';
import type { Deadlines } from './watchdog.ts';

/** Children that do everything wrong; nothing they do may harm more than their own model. */
let folder: string;
let model: TinyGguf;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'corral-hostile-'));
  model = await writeTinyGguf(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

const preamble = `
import { Socket } from 'node:net';
const main = new Socket({ fd: 3 });
const signals = new Socket({ fd: 4 });
const frame = (value) => {
  const body = Buffer.from(JSON.stringify(value));
  const head = Buffer.alloc(4);
  head.writeUInt32LE(body.length);
  return Buffer.concat([head, body]);
};
const send = (value) => main.write(frame(value));
const beat = (phase, steps = 0, since = 0) => {
  const bytes = Buffer.alloc(16);
  [2, phase, steps, since].forEach((word, index) => bytes.writeUInt32LE(word, index * 4));
  signals.write(bytes);
};
const hello = { protocol: 1, llamaVersion: 'x', pid: process.pid, devices: [],
  sandbox: { networkIsolated: true, diesWithParent: true, firstToBeKilled: true, environment: [] } };
const loaded = { architecture: 'llama', name: 'x', parameters: 1, contextTokens: 100, kvTokens: 100, slots: 1,
  trainedContextTokens: 100, vocabularySize: 100, bosTokenId: 1, eosTokenIds: [2],
  template: { source: 'family', name: 'transcript', hash: 'a', findings: [] }, adapters: [],
  weightsBytes: 1, kvBytes: 1, residentBytes: 1, threads: 1, threadTimes: [], device: 'cpu', flashAttention: false };
let rest = Buffer.alloc(0);
main.on('data', (chunk) => {
  rest = Buffer.concat([rest, chunk]);
  while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32LE(0)) {
    const size = rest.readUInt32LE(0);
    const message = JSON.parse(rest.subarray(4, 4 + size));
    rest = rest.subarray(4 + size);
    on(message);
  }
});
const wellBehaved = (message) => {
  if (message.type === 'open') send({ type: 'result', ticket: message.ticket, value: hello });
  if (message.type === 'load') { send({ type: 'result', ticket: message.ticket, value: loaded }); beat(2); }
  if (message.type === 'shutdown') process.exit(0);
};
setInterval(() => undefined, 1000);
`;

function loaderOf(name: string, program: string, deadlines: Partial<Deadlines> = {}): LlamaLoader {
  const entry = join(folder, `${name}.mjs`);
  writeFileSync(entry, preamble + program);
  return createLlamaLoader({
    librariesDirectory: async () => folder,
    crashFile: join(folder, `${name}.json`),
    clock: { now: () => Date.now() },
    log: silentLog,
    deadlines,
    entry,
  });
}

const source = (): ModelSource => ({
  kind: 'file',
  id: 'tiny',
  path: model.path,
  sha256: model.sha256,
  adapters: [],
});

describe('an engine process that answers nonsense', () => {
  test.each([
    ['bytes that are no frame', 'main.write(Buffer.alloc(64, 0x41))'],
    ['a frame without end', 'main.write(Buffer.from([255, 255, 255, 127]))'],
    ['JSON that is no message', 'send({ type: "surprise", ticket: 1 })'],
    [
      'an answer of another shape',
      'send({ type: "result", ticket: message.ticket, value: { protocol: "one" } })',
    ],
    ['a number that JSON cannot hold', 'send({ type: "load-progress", ticket: 1, fraction: 7 })'],
  ])('%s: the start fails by name and the process is gone', async (name, statement) => {
    const loader = loaderOf(name.replaceAll(' ', '-'), `const on = (message) => { ${statement}; };`);
    await expect(loader.load(source(), {})).rejects.toMatchObject({ code: 'engine-crashed' });
  });

  test('in the middle of an answer: it ends interrupted with what it had', async () => {
    const loader = loaderOf(
      'mid-answer',
      `const on = (message) => {
        wellBehaved(message);
        if (message.type !== 'generate') return;
        send({ type: 'parts', batches: [{ ticket: message.ticket, parts: [{ type: 'text-delta', text: 'half' }] }] });
        send({ type: 'parts', batches: [{ ticket: message.ticket, parts: [{ type: 'text-delta', text: 7 }] }] });
      };`,
    );
    const engine = await loader.load(source(), {});
    const { text, end } = await answerOf(engine.generate(chatRequest('x')));
    expect(text).toBe('half');
    expect(end).toMatchObject({ reason: 'interrupted', error: { code: 'engine-crashed' } });
    await engine.closed;
    await expect(engine.count({ kind: 'tokens', ids: [1] })).rejects.toMatchObject({
      code: 'engine-unavailable',
    });
  });

  test('parts after the end and for nobody are ignored', async () => {
    const loader = loaderOf(
      'late-parts',
      `const on = (message) => {
        wellBehaved(message);
        if (message.type !== 'generate') return;
        const parts = [{ type: 'text-delta', text: 'a' }, { type: 'end', reason: 'stop' }, { type: 'text-delta', text: 'b' }];
        send({ type: 'parts', batches: [{ ticket: 4_000_000, parts }, { ticket: message.ticket, parts }] });
        send({ type: 'parts', batches: [{ ticket: message.ticket, parts }] });
      };`,
    );
    const engine = await loader.load(source(), {});
    expect((await answerOf(engine.generate(chatRequest('x')))).text).toBe('a');
    expect((await answerOf(engine.generate(chatRequest('y')))).text).toBe('a');
    await engine.close();
  });
});

describe('an engine process that hangs', () => {
  test('that never says hello is ended by its deadline', async () => {
    const loader = loaderOf('silent', 'const on = () => undefined;', { starting: 400 });
    await expect(loader.load(source(), {})).rejects.toMatchObject({ code: 'engine-hung' });
  });

  test.each([
    ['without a heartbeat', '', { silence: 500 }],
    ['in one token, with a heartbeat', 'setInterval(() => beat(4, 7, 10_000), 100);', { token: 500 }],
    ['in a prompt, with a heartbeat', 'setInterval(() => beat(3, 7, 10_000), 100);', { prompt: 500 }],
  ])('%s', async (name, statement, deadlines) => {
    const loader = loaderOf(
      `hangs-${name.replaceAll(/\W+/gu, '-')}`,
      `const on = (message) => {
        wellBehaved(message);
        if (message.type !== 'generate') return;
        send({ type: 'parts', batches: [{ ticket: message.ticket, parts: [{ type: 'text-delta', text: 'half' }] }] });
        ${statement}
      };`,
      deadlines,
    );
    const engine = await loader.load(source(), {});
    const { text, end } = await answerOf(engine.generate(chatRequest('x')));
    expect(text).toBe('half');
    expect(end).toMatchObject({ reason: 'interrupted', error: { code: 'engine-hung' } });
    await engine.closed;
  });

  test('that does not leave when it should is ended', async () => {
    const loader = loaderOf(
      'stays',
      'const on = (message) => { if (message.type !== "shutdown") wellBehaved(message); };',
      {
        silence: 700,
      },
    );
    const engine = await loader.load(source(), {});
    await engine.close();
  });
});

describe('a file that takes the engine down', () => {
  test('twice is quarantined with the reason, over restarts of the server', async () => {
    const program = `const on = (message) => {
      wellBehaved({ ...message, type: message.type === 'open' ? 'open' : 'none' });
      if (message.type !== 'load') return;
      console.error('prompt: my secret words');
      console.error('ggml.c:1: GGML_ASSERT(rows > 0) failed');
      process.abort();
    };`;
    const loader = loaderOf('aborts', program);
    await expect(loader.load(source(), {})).rejects.toMatchObject({
      code: 'engine-crashed',
      message: expect.stringContaining('GGML_ASSERT(rows > 0) failed') as string,
    });
    const second = await loader.load(source(), {}).catch((error: unknown) => error);
    expect(String(second)).not.toContain('secret');
    await expect(loader.load(source(), {})).rejects.toMatchObject({ code: 'model-quarantined' });
    const later = loaderOf('aborts', program);
    await expect(later.load(source(), {})).rejects.toMatchObject({ code: 'model-quarantined' });
    expect(later.crashes.quarantined()).toHaveLength(1);
    expect(later.crashes.release(model.sha256)).toBe(true);
  });

  test('for want of memory on a GPU it is not blamed, however often that happens', async () => {
    const loader = loaderOf(
      'gpu-full',
      `const on = (message) => {
        wellBehaved({ ...message, type: message.type === 'open' ? 'open' : 'none' });
        if (message.type !== 'load') return;
        console.error('/src/ggml-cuda/ggml-cuda.cu:88: CUDA error');
        process.abort();
      };`,
    );
    for (const _ of [1, 2, 3])
      await expect(loader.load(source(), {})).rejects.toMatchObject({
        code: 'engine-crashed',
        message: expect.stringContaining('CUDA error') as string,
      });
    expect(loader.crashes.quarantined()).toEqual([]);
    expect(loader.crashes.isDoubted(model.sha256)).toBe(false);
  });

  test('an adapter beside the model is blamed first, and the model answers without it', async () => {
    const loader = loaderOf(
      'adapter-falls',
      `const on = (message) => {
        if (message.type === 'load' && message.adapters.length > 0) process.abort();
        else wellBehaved(message);
      };`,
    );
    const lora = await writeTinyLora(folder, model);
    const withAdapter = { ...source(), adapters: [{ id: 'lora', ...lora }] } as ModelSource;
    for (const _ of [1, 2])
      await expect(loader.load(withAdapter, {})).rejects.toMatchObject({ code: 'engine-crashed' });
    const engine = await loader.load(withAdapter, {});
    expect(engine.describe().adapters).toEqual([
      { id: 'lora', loaded: false, problem: expect.stringContaining('crashed twice') as string },
    ]);
    await engine.close();
    expect(loader.crashes.isDoubted(model.sha256)).toBe(true);
    expect(loader.crashes.release(lora.sha256)).toBe(true);
    await expect(loader.load(withAdapter, {})).rejects.toMatchObject({ code: 'engine-crashed' });
  });

  test('killed from outside while it loads, it is not blamed: memory is', async () => {
    const loader = loaderOf(
      'killed',
      "const on = (message) => { if (message.type === 'load') process.kill(process.pid, 'SIGKILL'); else wellBehaved(message); };",
    );
    await expect(loader.load(source(), {})).rejects.toMatchObject({ code: 'model-does-not-fit' });
    expect(loader.crashes.quarantined()).toEqual([]);
  });
});

describe('what an engine process gets', () => {
  test('no network, no secret of the environment, no more than its two pipes; V8 as the rest has it', async () => {
    process.env['CORRAL_TEST_SECRET'] = 'do-not-show';
    const loader = loaderOf(
      'looks-around',
      `import { readFileSync, readdirSync } from 'node:fs';
      import { networkInterfaces } from 'node:os';
      import { connect } from 'node:net';
      const on = async (message) => {
        if (message.type !== 'open') return;
        const reached = await new Promise((resolve) => {
          connect(53, '1.1.1.1').on('connect', () => resolve('yes')).on('error', (error) => resolve(error.code));
        });
        const seen = {
          environment: readFileSync('/proc/self/environ', 'latin1'),
          flags: process.execArgv,
          interfaces: Object.keys(networkInterfaces()),
          reached,
        };
        send({ type: 'failure', ticket: message.ticket, error: { code: 'internal', message: JSON.stringify(seen) } });
      };`,
    );
    const error = (await loader.load(source(), {}).catch((thrown: unknown) => thrown)) as Error;
    const seen = JSON.parse(error.message) as Record<'flags' | 'interfaces', string[]> &
      Record<'environment' | 'reached', string>;
    expect(seen.environment).not.toContain('do-not-show');
    expect(seen.environment).not.toContain('PATH');
    expect(seen.flags).toEqual(expect.arrayContaining(crashFlags));
    expect(seen.reached).toBe('ENETUNREACH');
    expect(seen.interfaces).toEqual([]);
    delete process.env['CORRAL_TEST_SECRET'];
  });
});
