import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createLlamaWorkplace,
  engineProcesses,
  type LlamaWorkplace,
} from '../../../test/fixtures/llama-workplace.ts';
import { writeTinyGguf, writeTinyLora, type TinyGguf } from '../../../test/fixtures/tiny-gguf.ts';
import { readGguf } from '../../formats/gguf/gguf-reader.ts';
import { memorySource } from '../../formats/byte-source.ts';
import { answerOf, chatRequest } from '../contract/answers.ts';
import type { LlamaEngine } from './llama-engine.ts';

/** Everything here happens for real: real files, the real library, real signals. */
let place: LlamaWorkplace;
let good: TinyGguf;

beforeAll(async () => {
  place = await createLlamaWorkplace();
  good = await writeTinyGguf(place.folder, { sharpness: 8 });
});
afterAll(() => place.close());

let variants = 0;

/** A copy of the good file with its bytes changed. */
function altered(change: (bytes: Buffer) => Buffer): { path: string; sha256: string } {
  const bytes = change(Buffer.from(readFileSync(good.path)));
  const path = join(place.folder, `altered-${++variants}.gguf`);
  writeFileSync(path, bytes);
  return { path, sha256: createHash('sha256').update(bytes).digest('hex') };
}

function replaced(bytes: Buffer, text: string, by: string): Buffer {
  const at = bytes.indexOf(text);
  if (at < 0 || text.length !== by.length) throw new Error(`cannot replace ${text}`);
  bytes.write(by, at);
  return bytes;
}

/** Writes over the value of a 32-bit entry; its type stands between. */
function withNumber(bytes: Buffer, key: string, value: number): Buffer {
  const at = bytes.indexOf(key);
  if (at < 0) throw new Error(`there is no ${key}`);
  bytes.writeUInt32LE(value, at + key.length + 4);
  return bytes;
}

async function answers(engine: LlamaEngine): Promise<string> {
  const { text, end } = await answerOf(engine.generate(chatRequest('Still well?')));
  expect(['stop', 'length']).toContain(end.reason);
  return text;
}

describe('a model file that is not what it should be', () => {
  test.each([
    ['cut in its weights', (bytes: Buffer) => bytes.subarray(0, bytes.length - 4096), 'model-file-invalid'],
    ['cut in its header', (bytes: Buffer) => bytes.subarray(0, 200), 'model-file-invalid'],
    ['no GGUF', (bytes: Buffer) => replaced(bytes, 'GGUF', 'PICK'), 'model-file-invalid'],
    ['empty', () => Buffer.alloc(0), 'model-file-invalid'],
    [
      'with two equal tokens, over which the library would end its process',
      (bytes: Buffer) => replaced(bytes, '<0x41>', '<0x42>'),
      'model-file-invalid',
    ],
    [
      'of an architecture that nobody knows',
      (bytes: Buffer) => replaced(bytes, 'llama', 'lhama'),
      'model-unsupported',
    ],
    [
      'without a tensor that it needs',
      (bytes: Buffer) => replaced(bytes, 'blk.1.ffn_up', 'blk.1.ffn_xp'),
      'model-load-failed',
    ],
  ])('%s: refused by name', async (_, change, code) => {
    const file = altered(change);
    await expect(place.load(file)).rejects.toMatchObject({ code });
    expect(engineProcesses()).toEqual([]);
  });

  test('a file over which the library aborts is quarantined after the second time, others load', async () => {
    // More layers than the library has room for: an assertion ends the process.
    const file = altered((bytes) => withNumber(bytes, 'llama.block_count', 600));
    await expect(place.load(file)).rejects.toMatchObject({
      code: 'engine-crashed',
      message: expect.stringContaining('GGML_ASSERT') as string,
    });
    await expect(place.load(file)).rejects.toMatchObject({ code: 'engine-crashed' });
    await expect(place.load(file)).rejects.toMatchObject({ code: 'model-quarantined' });
    const engine = await place.load(good);
    await answers(engine);
    await engine.close();
  });

  test('weights that are no numbers fail the request by name, and the engine stays', async () => {
    const layout = await readGguf(memorySource('good', readFileSync(good.path)));
    const head = layout.tensors.find((tensor) => tensor.name === 'blk.0.attn_v.weight');
    const file = altered((bytes) =>
      bytes.fill(0xff, head?.offset, (head?.offset ?? 0) + (head?.sizeBytes ?? 0)),
    );
    const engine = await place.load(file);
    const { end } = await answerOf(engine.generate(chatRequest('x')));
    expect(end).toMatchObject({ reason: 'failed', error: { code: 'model-file-invalid' } });
    expect(await engine.count({ kind: 'raw', text: 'abc', parseSpecial: false })).toMatchObject({
      exact: true,
    });
    await engine.close();
  });

  test('a template that loops gives way to the family’s format', async () => {
    const loops =
      '{% for a in range(9000) %}{% for b in range(9000) %}{% for c in range(9000) %}{% endfor %}{% endfor %}{% endfor %}';
    const engine = await place.load(
      await writeTinyGguf(place.folder, { name: 'loops', chatTemplate: loops }),
    );
    const { template } = engine.describe();
    expect(template).toMatchObject({ source: 'family', name: 'transcript' });
    expect(template.findings.map((finding) => finding.code)).toContain('render-failed');
    await answers(engine);
    const chosen = chatRequest(
      'x',
      {},
      { prompt: { kind: 'chat', messages: [{ role: 'user', content: 'x' }], format: 'file' } },
    );
    const [bad, other] = await Promise.all([answerOf(engine.generate(chosen)), answers(engine)]);
    expect(bad.end).toMatchObject({ reason: 'failed', error: { code: 'template-failed' } });
    expect(other).not.toBe('');
    await engine.close();
  });
});

describe('adapters', () => {
  test('of another shape or damaged: clear to the request that asks for them, harmless to others', async () => {
    const wide = await writeTinyGguf(place.folder, { name: 'wide', width: 128 });
    const fits = await writeTinyLora(place.folder, good, { name: 'fits' });
    const other = await writeTinyLora(place.folder, wide, { name: 'other-shape' });
    const cut = await writeTinyLora(place.folder, good, { name: 'cut' });
    truncateSync(cut.path, 300);
    const adapters = [
      { id: 'fits', ...fits },
      { id: 'other', ...other },
      { id: 'cut', ...cut },
    ];
    const engine = await place.load(good, {}, adapters);
    expect(engine.describe().adapters.map(({ id, loaded }) => [id, loaded])).toEqual([
      ['fits', true],
      ['other', false],
      ['cut', false],
    ]);
    const asked = (id: string) =>
      answerOf(engine.generate(chatRequest('x', {}, { adapters: [{ id, scale: 1 }] })));
    const [first, second, third, unknown, plain] = await Promise.all([
      asked('fits'),
      asked('other'),
      asked('cut'),
      asked('nobody'),
      answers(engine),
    ]);
    expect(['stop', 'length']).toContain(first.end.reason);
    expect(second.end).toMatchObject({ reason: 'failed', error: { code: 'adapter-mismatch' } });
    expect(third.end).toMatchObject({ reason: 'failed', error: { code: 'adapter-mismatch' } });
    expect(unknown.end).toMatchObject({ reason: 'failed', error: { code: 'not-found' } });
    expect(plain).not.toBe('');
    await engine.close();
  });
});

describe('snapshots of KV states', () => {
  const talk = async (engine: LlamaEngine) => {
    const request = chatRequest(
      'A first message that is long enough to be worth keeping.',
      {},
      { stateKey: 'chat' },
    );
    const { parts, end } = await answerOf(engine.generate(request));
    expect(['stop', 'length']).toContain(end.reason);
    return parts.find((part) => part.type === 'usage')?.usage.cachedTokens ?? -1;
  };
  const keep = async (): Promise<void> => {
    const engine = await place.load(good);
    await talk(engine);
    expect(await engine.saveState('chat')).toBe(true);
    await engine.close();
  };
  const snapshotFile = (): string => {
    const found = readdirSync(place.kvFolder, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    expect(found).toHaveLength(1);
    return join(found[0]?.parentPath ?? '', found[0]?.name ?? '');
  };

  test('whole, it is used by the next process', async () => {
    await keep();
    const engine = await place.load(good);
    expect(await talk(engine)).toBeGreaterThan(0);
    await engine.dropState('chat');
    await engine.close();
  });

  test.each([
    ['its tail cut', (bytes: Buffer) => bytes.subarray(0, bytes.length - 100)],
    [
      'a byte flipped',
      (bytes: Buffer) => bytes.fill((bytes.at(-200) ?? 0) ^ 0x10, bytes.length - 200, bytes.length - 199),
    ],
    ['nothing in it', () => Buffer.alloc(0)],
    ['noise in it', (bytes: Buffer) => bytes.fill(0x5a)],
  ])('with %s, it is refused and the chat is read anew', async (_, change) => {
    await keep();
    const path = snapshotFile();
    writeFileSync(path, change(Buffer.from(readFileSync(path))));
    const engine = await place.load(good);
    expect(await talk(engine)).toBe(0);
    expect((await engine.stats()).snapshotsRestored).toBe(0);
    await engine.dropState('chat');
    await engine.close();
  });
});

describe('an engine process that is taken away', () => {
  const long = () => chatRequest('Go on', { maxNewTokens: 4000, ignoreEos: true });

  test('a Ctrl-C or a stop that reaches the whole group does not take it from its server', async () => {
    const engine = await place.load(good, { contextTokens: 2048 });
    let end;
    for await (const part of engine.generate(chatRequest('Go on', { maxNewTokens: 200, ignoreEos: true }))) {
      if (part.type === 'text-delta')
        for (const pid of engineProcesses())
          for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid, name);
      if (part.type === 'end') end = part;
    }
    expect(end).toMatchObject({ reason: 'length' });
    await engine.close();
  });

  test('killed in the middle of a token: interrupted with what was said; the next load works', async () => {
    const engine = await place.load(good, { contextTokens: 2048 });
    const running = [0, 1, 2].map(async () => {
      let text = '';
      for await (const part of engine.generate(long())) {
        if (part.type === 'text-delta') {
          text += part.text;
          for (const pid of engineProcesses()) process.kill(pid, 'SIGKILL');
        }
        if (part.type === 'end') return { text, end: part };
      }
      throw new Error('no end');
    });
    const ends = await Promise.all(running);
    expect(ends.some(({ text }) => text !== '')).toBe(true);
    for (const { end } of ends)
      expect(end).toMatchObject({ reason: 'interrupted', error: { code: 'engine-crashed' } });
    await engine.closed;
    const next = await place.load(good);
    await answers(next);
    await next.close();
  });

  test('stopped in the middle of a token: found silent, ended, interrupted', async () => {
    const impatient = await createLlamaWorkplace({ deadlines: { silence: 4_000 } });
    const engine = await impatient.load(good, { contextTokens: 2048 });
    let end = null;
    for await (const part of engine.generate(long())) {
      if (part.type === 'text-delta') for (const pid of engineProcesses()) process.kill(pid, 'SIGSTOP');
      if (part.type === 'end') end = part;
    }
    expect(end).toMatchObject({ reason: 'interrupted', error: { code: 'engine-hung' } });
    expect(engineProcesses()).toEqual([]);
    await impatient.close();
  });

  test('without memory for what it should load: said by name, nothing left behind', async () => {
    const child = fileURLToPath(new URL('llama.child.ts', import.meta.url));
    const entry = join(place.folder, 'little-memory.mjs');
    // The kernel refuses this process more than 1 GB beyond what Node has taken already.
    writeFileSync(
      entry,
      `import { execFileSync } from 'node:child_process';
      import { readFileSync } from 'node:fs';
      const size = Number(/VmData:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
      execFileSync('/usr/bin/prlimit', ['--pid', String(process.pid), '--data=' + (size + 2 ** 30)]);
      await import(${JSON.stringify(child)});`,
    );
    const model = await writeTinyGguf(place.folder, {
      name: 'long',
      contextTokens: 4_000_000,
      keyValueHeads: 4,
    });
    const poor = await createLlamaWorkplace({ entry });
    await expect(poor.load(model, { contextTokens: 4_000_000, slots: 1 })).rejects.toMatchObject({
      code: 'model-does-not-fit',
    });
    await poor.close();
    const engine = await place.load(good);
    await answers(engine);
    await engine.close();
  });
});
