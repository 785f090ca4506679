import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { EngineChild, type GeneratedAnswer } from '../../../../test/fixtures/engine-child.ts';
import { writeTinyGguf, type TinyGguf } from '../../../../test/fixtures/tiny-gguf.ts';
import type { LoadMessage } from '../protocol.ts';

let folder = '';
let model: TinyGguf;
const children: EngineChild[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'corral-sharing-'));
  model = await writeTinyGguf(folder, { contextTokens: 1024 });
});
afterEach(async () => {
  for (const child of children.splice(0)) await child.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function start(options: Partial<LoadMessage> = {}, { path } = model): Promise<EngineChild> {
  // One thread: a change of their number moves the last digits of logits.
  const child = await EngineChild.loaded(path, { maxThreads: 1, ...options });
  children.push(child);
  return child;
}

const system = 'You are a helpful friend. '.repeat(12);
const chat = (...contents: string[]) => ({
  kind: 'chat' as const,
  format: 'llama-2',
  messages: [
    { role: 'system' as const, content: system },
    ...contents.map((content, index) => ({
      role: index % 2 === 0 ? ('user' as const) : ('assistant' as const),
      content,
    })),
  ],
});
const settings = { ignoreEos: true, maxNewTokens: 10, temperature: 0 };
const logprobs = (answer: GeneratedAnswer): number[] =>
  answer.parts.flatMap((part) => (part.type === 'token' ? [part.token.logprob] : []));

describe('sharing what was read', () => {
  it('keeps a chat’s state for its next message, the answer’s own ids included', async () => {
    const child = await start();
    const first = await child.generate({ prompt: chat('Hello'), stateKey: 'a', sampling: settings });
    expect(first.usage?.cachedTokens).toBe(0);
    const next = chat('Hello', first.text, 'And then?');
    const second = await child.generate({ prompt: next, stateKey: 'a', sampling: settings });
    const kept = first.usage!.promptTokens + first.usage!.completionTokens - 1;
    expect(second.usage?.cachedTokens).toBe(kept);
  });

  it('reads the blanks that an answer ended with once when it goes on', async () => {
    const child = await start();
    for (const end of [' ', '\\n\\n', '\\n    ']) {
      const grammar = `root ::= "Sure:${end}"`;
      const prompt = { ...chat('Hello'), format: 'chatml' };
      const first = await child.generate({ prompt, stateKey: end, sampling: { grammar } });
      expect(first.text).toMatch(/:\s+$/u);
      const goesOn = { ...chat('Hello', first.text), format: 'chatml', continueAnswer: true };
      const open = await child.generate({ prompt: goesOn, stateKey: end, sampling: { maxNewTokens: 1 } });
      const drawn = first.usage!.promptTokens + first.usage!.completionTokens;
      expect(open.usage?.promptTokens).toBe(drawn);
    }
  });

  it('goes on before the character within which an answer ended', async () => {
    const child = await start();
    const euros = { grammar: 'root ::= "€"*', ignoreEos: true };
    // Three bytes, of which each is a token.
    const whole = { prompt: chat('Hello'), stateKey: 'a', sampling: { ...euros, maxNewTokens: 6 } };
    expect((await child.generate(whole)).text).toBe('€€');
    for (const maxNewTokens of [7, 8]) {
      const sampling = { ...euros, maxNewTokens };
      const cut = await child.generate({ ...whole, stateKey: `cut ${maxNewTokens}`, sampling });
      expect(cut.text).toBe('€€');
      const prompt = { ...chat('Hello', cut.text), continueAnswer: true };
      const next = { prompt, stateKey: `cut ${maxNewTokens}`, sampling: { ...euros, maxNewTokens: 3 } };
      const { text, usage } = await child.generate(next);
      expect(text).toBe('€');
      expect(usage?.promptTokens).toBe(cut.usage!.promptTokens + 6);
    }
  });

  it('lets many that arrive together read a common prefix once', async () => {
    const child = await start({ slots: 8 });
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        child.generate({
          prompt: chat(`${index} is my number`),
          stateKey: `chat-${index}`,
          sampling: settings,
        }),
      ),
    );
    const cached = answers.map((answer) => answer.usage!.cachedTokens).sort((a, b) => a - b);
    expect(cached[0]).toBe(0);
    for (const count of cached.slice(1)) expect(count).toBeGreaterThan(80);
    const stats = await child.ask({ type: 'stats' });
    expect(stats.parkedPrefixes).toBeGreaterThan(0);
    expect(stats.copiedTokens).toBe(cached.reduce((sum, count) => sum + count, 0));
  });

  it('holds the others back while one reads a long common prefix, which takes several steps', async () => {
    const long = await writeTinyGguf(folder, { name: 'long', contextTokens: 8192 });
    const child = await EngineChild.loaded(long.path, { maxThreads: 1, slots: 4, contextTokens: 8192 });
    children.push(child);
    const answers = await Promise.all(
      Array.from({ length: 4 }, (_, index) =>
        child.generate({
          prompt: { kind: 'raw', text: `${system.repeat(25)}${index}`, parseSpecial: false },
          stateKey: `chat-${index}`,
          sampling: settings,
        }),
      ),
    );
    const read = answers.map(({ usage }) => usage!.promptTokens - usage!.cachedTokens).sort((a, b) => b - a);
    expect(read[0]).toBeGreaterThan(1024);
    for (const tokens of read.slice(1)) expect(tokens).toBeLessThan(32);
  });

  it('answers alike from a shared prefix and from nothing', async () => {
    const child = await start();
    const request = {
      prompt: chat('What is the name of the river?'),
      sampling: { ...settings, logprobs: 0 },
    };
    const alone = await child.generate(request);
    await child.generate({ ...request, prompt: chat('Who?'), stateKey: 'other' });
    const shared = await child.generate(request);
    expect(shared.usage!.cachedTokens).toBeGreaterThan(80);
    // The first token only: how a text is cut into batches moves logits a little, and later tokens may part.
    expect(logprobs(shared)[0]).toBeCloseTo(logprobs(alone)[0]!, 1);
  });

  it('leaves nothing of side work', async () => {
    const child = await start();
    const side = { prompt: chat('Hello'), ephemeral: true, sampling: settings };
    await child.generate(side);
    expect((await child.ask({ type: 'stats' })).sequences).toBe(0);
    expect((await child.generate(side)).usage?.cachedTokens).toBe(0);
  });

  it('goes on from what a request of no chat left, its answer’s own ids included', async () => {
    const child = await start();
    const first = await child.generate({ prompt: chat('Hello'), sampling: settings });
    const other = await child.generate({ prompt: chat('Who?'), sampling: settings });
    const second = await child.generate({
      prompt: chat('Hello', first.text, 'And then?'),
      sampling: settings,
    });
    expect(second.usage?.cachedTokens).toBe(first.usage!.promptTokens + first.usage!.completionTokens - 1);
    const third = await child.generate({ prompt: chat('Who?', other.text, 'Why?'), sampling: settings });
    expect(third.usage?.cachedTokens).toBe(other.usage!.promptTokens + other.usage!.completionTokens - 1);
    // A state that was gone on with is no other state any more.
    expect((await child.ask({ type: 'stats' })).sequences).toBe(2);
  });

  it('keeps few states of requests that belong to no chat', async () => {
    const child = await start({ contextTokens: 512, kvTokens: 16_384 });
    for (let index = 0; index < 40; index++) {
      const prompt = { kind: 'raw' as const, text: `${index} is a number`, parseSpecial: false };
      await child.generate({ prompt, sampling: { ...settings, maxNewTokens: 2 } });
    }
    expect((await child.ask({ type: 'stats' })).sequences).toBeLessThan(34);
  });

  it('sets idle chats aside when they would slow others down, and takes them back', async () => {
    const child = await start({ contextTokens: 1024, kvTokens: 16_384 });
    const request = (name: string, ephemeral: boolean) => ({
      prompt: { kind: 'raw' as const, text: `${name} ${system.repeat(4)}`, parseSpecial: false },
      stateKey: name,
      ephemeral,
      sampling: settings,
    });
    for (const name of 'abcdef') await child.generate(request(name, true));
    const { evictions, kvCellsUsed } = await child.ask({ type: 'stats' });
    expect(evictions).toBeGreaterThan(0);
    expect(kvCellsUsed).toBeLessThan(3000);
    const again = await child.generate(request('a', true));
    expect(again.usage!.cachedTokens).toBe(again.usage!.promptTokens - 1);
    const stats = await child.ask({ type: 'stats' });
    expect(stats.restoredTokens).toBe(again.usage!.cachedTokens);
    await child.ask({ type: 'drop-state', stateKey: 'b' });
    expect((await child.generate(request('b', true))).usage!.cachedTokens).toBeLessThan(20);
  });

  it('sets all aside when many have been answered, since the last ones lie scattered among their cells', async () => {
    const child = await start({ contextTokens: 1024, kvTokens: 16_384, slots: 4 });
    const request = (name: string) => ({
      prompt: { kind: 'raw' as const, text: `${name} ${system.repeat(4)} ${name}`, parseSpecial: false },
      stateKey: name,
      ephemeral: true,
      sampling: settings,
    });
    await child.generate(request('alone'));
    expect((await child.ask({ type: 'stats' })).kvCellsUsed).toBeGreaterThan(300);
    await Promise.all(['a', 'b', 'c', 'd'].map((name) => child.generate(request(name))));
    await expect.poll(async () => (await child.ask({ type: 'stats' })).kvCellsUsed).toBe(0);
    const again = await child.generate(request('d'));
    expect(again.usage!.cachedTokens).toBe(again.usage!.promptTokens - 1);
  });

  it('leaves the only chat in the cache however long it is, and sets it aside for another', async () => {
    const roomy = await writeTinyGguf(folder, { name: 'roomy', contextTokens: 4096 });
    const child = await start({ contextTokens: 4096, kvTokens: 16_384 }, roomy);
    const request = (name: string, words: number) => ({
      prompt: { kind: 'raw' as const, text: `${name} ${system.repeat(words)}`, parseSpecial: false },
      stateKey: name,
      sampling: settings,
    });
    for (const words of [2, 5, 8])
      expect((await child.generate(request('long', words))).end.reason).toBe('length');
    const alone = await child.ask({ type: 'stats' });
    expect(alone.kvCellsUsed).toBeGreaterThan(1200);
    expect(alone.evictions).toBe(0);
    await child.generate(request('other', 1));
    expect((await child.ask({ type: 'stats' })).evictions).toBeGreaterThan(0);
  });

  it('makes room by giving up the chats that were not used for longest', async () => {
    const child = await start({ contextTokens: 512, kvTokens: 512 });
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      const { end } = await child.generate({
        prompt: { kind: 'raw', text: `${name} ${system}`, parseSpecial: false },
        stateKey: name,
        sampling: settings,
      });
      expect(end.reason).toBe('length');
    }
    expect((await child.ask({ type: 'stats' })).evictions).toBeGreaterThan(0);
  });

  it('serves all when the cache is too small for all at once', async () => {
    const child = await start({ contextTokens: 512, kvTokens: 512 });
    const answers = await Promise.all(
      ['a', 'b', 'c', 'd'].map((name) =>
        child.generate({
          prompt: { kind: 'raw', text: `${name} a small llama`, parseSpecial: false },
          sampling: { ...settings, maxNewTokens: 300 },
        }),
      ),
    );
    for (const { end, usage } of answers) {
      expect(end.reason).toBe('length');
      expect(usage?.completionTokens).toBe(300);
    }
    expect((await child.ask({ type: 'stats' })).preemptions).toBeGreaterThan(0);
  });

  it('goes on with an answer that had to step back before others that keep coming', async () => {
    const child = await start({ contextTokens: 512, kvTokens: 512 });
    const request = (promptTokens: number, maxNewTokens: number) => ({
      prompt: {
        kind: 'tokens' as const,
        ids: Array.from({ length: promptTokens }, (_, index) => 260 + ((index * maxNewTokens) % 101)),
      },
      sampling: { ...settings, maxNewTokens },
    });
    const first = child.generate(request(5, 400));
    let passed = 0;
    // When the two have no room any more it is too large for anybody beside it, whoever of them began how much earlier.
    const second = child.generate(request(385, 100)).then((answer) => ({ ...answer, passed }));
    await expect
      .poll(async () => (await child.ask({ type: 'stats' })).preemptions, { interval: 5, timeout: 20_000 })
      .toBeGreaterThan(0);
    const keepComing = async (maxNewTokens: number): Promise<void> => {
      for (let index = 0; index < 20; index++) {
        await child.generate(request(5, maxNewTokens));
        passed++;
      }
    };
    await Promise.all([20, 27, 33].map(keepComing));
    expect((await second).passed).toBeLessThan(15);
    for (const { end } of await Promise.all([first, second])) expect(end.reason).toBe('length');
  });

  it('forgets a chat that is dropped', async () => {
    const child = await start();
    const request = { prompt: chat('Hello'), stateKey: 'a', sampling: settings };
    await child.generate(request);
    await child.ask({ type: 'drop-state', stateKey: 'a' });
    expect((await child.ask({ type: 'stats' })).sequences).toBe(0);
    expect((await child.generate(request)).usage?.cachedTokens).toBe(0);
  });

  it('gives up no chat’s state for side work', async () => {
    const child = await start({ contextTokens: 256, kvTokens: 256 });
    const request = { prompt: chat('Hello'), stateKey: 'a', sampling: settings };
    const first = await child.generate(request);
    const side = await child.generate({
      prompt: { kind: 'raw', text: `other ${system}`, parseSpecial: false },
      priority: 'side',
      sampling: settings,
    });
    expect(side.end.reason).toBe('failed');
    expect((await child.generate(request)).usage?.cachedTokens).toBe(first.usage!.promptTokens - 1);
  });
});

describe('states on disk', () => {
  const kv = () => ({ directory: join(folder, `kv-${Math.random()}`), budgetBytes: 1e9 });

  it('survive a restart: the chat goes on without being read anew', async () => {
    const snapshots = kv();
    const before = await start({ snapshots });
    const first = await before.generate({ prompt: chat('Hello'), stateKey: 'a', sampling: settings });
    expect(await before.ask({ type: 'save-state', stateKey: 'a' })).toEqual({ saved: true });
    await before.close();
    const after = await start({ snapshots });
    const next = { prompt: chat('Hello', first.text, 'More'), stateKey: 'a', sampling: settings };
    const restored = await after.generate(next);
    const kept = first.usage!.promptTokens + first.usage!.completionTokens - 1;
    expect(restored.usage?.cachedTokens).toBe(kept);
    expect((await after.ask({ type: 'stats' })).snapshotsRestored).toBe(1);
  });

  it('of more chats than can be answered at once survive it, too', async () => {
    const snapshots = kv();
    const names = ['a', 'b', 'c', 'd', 'e'];
    const request = (name: string) => ({
      prompt: { kind: 'raw' as const, text: `${name} ${system}`, parseSpecial: false },
      stateKey: name,
      sampling: settings,
    });
    const before = await start({ snapshots, slots: 2 });
    for (const name of names) await before.generate(request(name));
    await before.close();
    const after = await start({ snapshots, slots: 2 });
    for (const name of names) {
      const { usage } = await after.generate(request(name));
      expect(usage!.cachedTokens).toBe(usage!.promptTokens - 1);
    }
    expect((await after.ask({ type: 'stats' })).snapshotsRestored).toBe(names.length);
  });

  it('restore to identical logits', async () => {
    const snapshots = kv();
    const text = 'The child asked: can you tell me, too? '.repeat(4);
    const request = {
      prompt: { kind: 'raw' as const, text, parseSpecial: false },
      stateKey: 'a',
      sampling: { ...settings, logprobs: 5, maxNewTokens: 4 },
    };
    const before = await start({ snapshots });
    await before.generate({ ...request, sampling: { ...settings, maxNewTokens: 1 } });
    const inMemory = await before.generate(request);
    await before.close();
    const after = await start({ snapshots });
    const restored = await after.generate(request);
    expect((await after.ask({ type: 'stats' })).restoredTokens).toBe(restored.usage!.cachedTokens);
    expect(logprobs(restored)).toEqual(logprobs(inMemory));
  });

  it('are refused when cut or altered, and the chat is read anew', async () => {
    const snapshots = kv();
    const request = { prompt: chat('Hello'), stateKey: 'a', sampling: settings };
    const before = await start({ snapshots });
    const first = await before.generate(request);
    await before.close();
    const file = join(snapshots.directory, readdirSync(snapshots.directory)[0]!);
    const whole = readFileSync(file);
    const altered = Buffer.from(whole);
    altered[whole.length - 100]! ^= 4;
    for (const bytes of [whole.subarray(0, whole.length - 10), altered]) {
      writeFileSync(file, bytes);
      const after = await start({ snapshots });
      const answer = await after.generate(request);
      expect(answer.usage?.cachedTokens).toBe(0);
      expect(answer.usage?.promptTokens).toBe(first.usage?.promptTokens);
      expect((await after.ask({ type: 'stats' })).snapshotsRefused).toBe(1);
      after.process.kill('SIGKILL');
    }
  });

  it('are never written for a temporary chat', async () => {
    const snapshots = kv();
    const child = await start({ snapshots });
    await child.generate({ prompt: chat('Secret'), stateKey: 'a', ephemeral: true, sampling: settings });
    expect(await child.ask({ type: 'save-state', stateKey: 'a' })).toEqual({ saved: false });
    await child.close();
    expect(() => readdirSync(snapshots.directory)).toThrow('ENOENT');
  });

  it('are saved before a chat is evicted, and come back', async () => {
    const snapshots = kv();
    const child = await start({ contextTokens: 512, kvTokens: 512, snapshots });
    const request = (name: string) => ({
      prompt: { kind: 'raw' as const, text: `${name} ${system}`, parseSpecial: false },
      stateKey: name,
      sampling: settings,
    });
    for (const name of 'abcdefgh') await child.generate(request(name));
    const again = await child.generate(request('a'));
    expect(again.usage!.cachedTokens).toBeGreaterThan(80);
    expect((await child.ask({ type: 'stats' })).snapshotsRestored).toBe(1);
  });
});
