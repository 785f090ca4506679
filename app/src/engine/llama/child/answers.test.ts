import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineChild } from '../../../../test/fixtures/engine-child.ts';
import { writeTinyGguf, writeTinyLora } from '../../../../test/fixtures/tiny-gguf.ts';

let folder = '';
let child: EngineChild;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'corral-child-'));
  const model = await writeTinyGguf(folder, { contextTokens: 512 });
  const one = await writeTinyLora(folder, model, { name: 'one', seed: 5 });
  const two = await writeTinyLora(folder, model, { name: 'two', seed: 6 });
  const other = await writeTinyGguf(folder, { name: 'other', width: 128 });
  const misfit = await writeTinyLora(folder, other, { name: 'misfit' });
  // One thread: a change of their number moves the last digits of logits, and equal texts are expected below.
  child = await EngineChild.loaded(model.path, {
    maxThreads: 1,
    adapters: [
      { id: 'one', path: one.path, sha256: one.sha256 },
      { id: 'two', path: two.path, sha256: two.sha256 },
      { id: 'misfit', path: misfit.path, sha256: misfit.sha256 },
      { id: 'missing', path: join(folder, 'missing.gguf'), sha256: 'cd'.repeat(32) },
    ],
  });
});

afterAll(async () => {
  await child.close();
  rmSync(folder, { recursive: true, force: true });
});

const raw = (text: string) => ({ kind: 'raw', text, parseSpecial: false }) as const;
const steady = { ignoreEos: true, maxNewTokens: 24 };

describe('an engine child', () => {
  it('answers within its bounds, with usage and timings before the end', async () => {
    const { parts, end, usage, timings } = await child.generate({ sampling: { ...steady, temperature: 0 } });
    expect(end.reason).toBe('length');
    expect(usage?.completionTokens).toBe(24);
    expect(parts.slice(-3).map((part) => part.type)).toEqual(['usage', 'timings', 'end']);
    expect(timings!.tokensPerSecond).toBeGreaterThan(0);
    expect(timings!.pace).toBeUndefined();
  });

  it('draws alike with the same seed, alone or beside others', async () => {
    const request = { prompt: raw('The llama'), sampling: { ...steady, temperature: 1.2, seed: 99 } };
    const alone = await child.generate(request);
    const other = await child.generate({ ...request, sampling: { ...request.sampling, seed: 100 } });
    expect((await child.generate(request)).text).toBe(alone.text);
    expect(other.text).not.toBe(alone.text);
  });

  it('sends the first text at once, also where the first tokens are none', async () => {
    // Bytes that begin a character and never end one: each is text only when the next one comes.
    const { ids } = await child.ask({ type: 'tokenize', text: '€', parseSpecial: false, addSpecial: false });
    const firstByte = ids.at(-3)!;
    const sampling = { ...steady, maxNewTokens: 200, logitBias: { [firstByte]: 100 } };
    const { parts, usage } = await child.generate({ sampling });
    const [first] = parts.flatMap((part) => (part.type === 'text-delta' ? part.text : []));
    expect(usage!.completionTokens).toBe(200);
    // Otherwise it would wait with what follows for the next time that text is sent.
    expect(first).toBe('\ufffd');
  });

  it('sends text as it is, whole characters only', async () => {
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, seed) =>
        child.generate({
          sampling: {
            ...steady,
            maxNewTokens: 60,
            temperature: 5,
            topK: 0,
            topP: 1,
            minP: 0,
            seed,
            logprobs: 0,
          },
        }),
      ),
    );
    for (const { parts, text } of answers) {
      const bytes = parts.flatMap((part) => (part.type === 'token' ? part.token.bytes : []));
      // `<s>` and such are drawn too at this temperature; they are no text.
      const plain = Buffer.from(bytes)
        .toString('utf8')
        .replaceAll(/<s>|<unk>/gu, '');
      expect(text.replaceAll('\ufffd', '')).toBe(plain.replaceAll('\ufffd', ''));
    }
  });

  it('stops at a stop string that lies across tokens, and shows none of it', async () => {
    const sampling = { ...steady, maxNewTokens: 60, temperature: 0 };
    const { text } = await child.generate({ prompt: raw('Once upon'), sampling });
    for (let length = 2; length <= 8; length += 3) {
      const stop = text.slice(11, 11 + length);
      const cut = await child.generate({
        prompt: raw('Once upon'),
        sampling: { ...sampling, stop: ['never met', stop] },
      });
      expect(cut.end).toMatchObject({ reason: 'stop-string', stopString: stop });
      expect(cut.text).toBe(text.slice(0, text.indexOf(stop)));
    }
  });

  it('stops at a stop token id', async () => {
    const sampling = { ...steady, temperature: 0, logprobs: 0 };
    const { parts } = await child.generate({ sampling });
    const ids = parts.flatMap((part) => (part.type === 'token' ? [part.token.id] : []));
    const stopped = await child.generate({ sampling: { ...sampling, stopTokenIds: [ids[5]!] } });
    expect(stopped.end).toEqual({ type: 'end', reason: 'stop-token' });
    expect(stopped.usage?.completionTokens).toBe(ids.indexOf(ids[5]!));
  });

  it('keeps to a grammar', async () => {
    const grammar = 'root ::= ("yes" | "no") "!" [0-9]{2,3}';
    for (let seed = 0; seed < 4; seed++) {
      const { text, end } = await child.generate({ sampling: { grammar, temperature: 3, seed } });
      expect(text).toMatch(/^(yes|no)!\d{2,3}$/u);
      expect(end.reason).toBe('stop');
    }
  });

  it('refuses a grammar that is wrong, recurses to the left or would explode', async () => {
    const bombs = [
      'root ::= (',
      'root ::= root "a"',
      'start ::= "a"',
      'root ::= (("a"{1,999}){1,999}){1,999}',
      `root ::= ${'('.repeat(30_000)}"a"${')'.repeat(30_000)}`,
      // Each of them may be left out: 1,500 ways on for every token of the vocabulary, at the second token.
      `root ::= "a" ${'[a-z]? '.repeat(1500)}"!"`,
    ];
    for (const grammar of bombs) {
      const { end } = await child.generate({ sampling: { grammar } });
      expect(end).toMatchObject({ reason: 'failed', error: { code: 'grammar-invalid' } });
    }
  });

  it('reports log-probabilities that sum to at most one', async () => {
    const { parts } = await child.generate({ sampling: { ...steady, maxNewTokens: 3, logprobs: 5 } });
    const tokens = parts.flatMap((part) => (part.type === 'token' ? [part.token] : []));
    expect(tokens).toHaveLength(3);
    for (const token of tokens) {
      expect(token.top).toHaveLength(5);
      const sum = token.top.reduce((total, one) => total + Math.exp(one.logprob), 0);
      expect(sum).toBeGreaterThan(0);
      expect(sum).toBeLessThanOrEqual(1.0001);
    }
  });

  it('scores a text as the same tokens scored one by one', async () => {
    const prompt = raw('The river');
    const { parts, text } = await child.generate({
      prompt,
      sampling: { ...steady, temperature: 0, logprobs: 0, maxNewTokens: 12 },
    });
    const drawn = parts.flatMap((part) => (part.type === 'token' ? [part.token] : []));
    const { ids } = await child.ask({
      type: 'tokenize',
      text: 'The river',
      parseSpecial: false,
      addSpecial: true,
    });
    const { tokens } = await child.ask({
      type: 'score',
      request: { person: '', prompt: { kind: 'tokens', ids }, text },
    });
    expect(tokens.map((token) => token.offset)).toEqual(
      tokens.map(
        (_, index) =>
          Buffer.from(tokens.slice(0, index).flatMap((token) => token.bytes)).toString('utf8').length,
      ),
    );
    if (tokens.map((token) => token.id).join() === drawn.map((token) => token.id).join()) {
      for (const [index, token] of tokens.entries())
        expect(token.logprob).toBeCloseTo(drawn[index]!.logprob, 1);
    }
    expect(tokens.length).toBeGreaterThan(3);
    const nothing = { person: '', prompt: { kind: 'tokens' as const, ids }, text: '' };
    expect(await child.ask({ type: 'score', request: nothing })).toEqual({ tokens: [] });
  });

  it('tells at each place of a text what generating there tells', async () => {
    const { ids } = await child.ask({
      type: 'tokenize',
      text: 'The river',
      parseSpecial: false,
      addSpecial: true,
    });
    const request = { person: '', prompt: { kind: 'tokens' as const, ids }, text: ' runs to the sea' };
    const { tokens } = await child.ask({ type: 'score', request: { ...request, alternatives: 5 } });
    expect(tokens.length).toBeGreaterThan(3);
    for (const [index, { id, logprob, top }] of tokens.entries()) {
      const before = [...ids, ...tokens.slice(0, index).map((token) => token.id)];
      const { parts } = await child.generate({
        prompt: { kind: 'tokens', ids: before },
        sampling: { ...steady, logitBias: { [id]: 100 }, maxNewTokens: 1, logprobs: 5 },
      });
      const [drawn] = parts.flatMap((part) => (part.type === 'token' ? [part.token] : []));
      expect(drawn).toMatchObject({ id, top: top.map((one) => ({ id: one.id, text: one.text })) });
      expect(logprob).toBeCloseTo(drawn!.logprob, 3);
      for (const [place, one] of top.entries())
        expect(one.logprob).toBeCloseTo(drawn!.top[place]!.logprob, 3);
      expect(top.reduce((sum, one) => sum + Math.exp(one.logprob), 0)).toBeLessThanOrEqual(1.0001);
    }
  });

  it('scores with the adapters that are asked for, as side work, and only what there is room for', async () => {
    const request = { person: '', prompt: raw('The river'), text: ' runs to the sea', maxTokens: 4 };
    const plain = await child.ask({ type: 'score', request: { ...request, priority: 'side' } });
    const adapted = await child.ask({
      type: 'score',
      request: { ...request, adapters: [{ id: 'one', scale: 1 }] },
    });
    expect(plain.tokens).toHaveLength(4);
    expect(adapted.tokens.map(({ logprob }) => logprob)).not.toEqual(
      plain.tokens.map(({ logprob }) => logprob),
    );
    const nearlyFull = { ...request, prompt: { kind: 'tokens' as const, ids: Array<number>(510).fill(5) } };
    expect((await child.ask({ type: 'score', request: nearlyFull })).tokens).toHaveLength(2);
    const full = { ...request, prompt: { kind: 'tokens' as const, ids: Array<number>(512).fill(5) } };
    await expect(child.ask({ type: 'score', request: full })).rejects.toMatchObject({
      code: 'context-too-long',
    });
  });

  it('scores all of an answer that its chat still holds, and leaves the chat its state', async () => {
    const first = { role: 'user' as const, content: 'Where does the river go?' };
    const sampling = { ...steady, temperature: 0 };
    const prompt = { kind: 'chat' as const, messages: [first] };
    const answer = await child.generate({ prompt, stateKey: 'looked-at', sampling });
    const { tokens } = await child.ask({
      type: 'score',
      request: { person: '', prompt, text: answer.text, alternatives: 5, priority: 'side' },
    });
    const bytes = tokens.flatMap((token) => token.bytes);
    expect(Buffer.from(bytes).toString('utf8')).toBe(answer.text);
    const turns = [
      first,
      { role: 'assistant' as const, content: answer.text },
      { role: 'user' as const, content: 'And then?' },
    ];
    const second = await child.generate({
      prompt: { kind: 'chat', messages: turns },
      stateKey: 'looked-at',
      sampling,
    });
    const { promptTokens, completionTokens } = answer.usage!;
    expect(second.usage?.cachedTokens).toBeGreaterThanOrEqual(promptTokens + completionTokens - 1);
  });

  it('counts and renders what it reads', async () => {
    const prompt = { kind: 'chat', messages: [{ role: 'user', content: 'Grüße </s> 🌍' }] } as const;
    const wire = { kind: 'chat' as const, messages: [...prompt.messages] };
    const counted = await child.ask({ type: 'count', prompt: wire });
    const rendered = await child.ask({ type: 'render', prompt: wire });
    const { usage } = await child.generate({ prompt: wire, sampling: { maxNewTokens: 1 } });
    expect(rendered.tokenIds).toHaveLength(counted.totalTokens);
    expect(usage?.promptTokens).toBe(counted.totalTokens);
    // What a person typed is no control token: the only BOS and no end token.
    expect(rendered.tokenIds.filter((id) => id === 1)).toHaveLength(1);
    expect(rendered.tokenIds).not.toContain(2);
  });

  it('begins a raw prompt with one BOS, also where it brings one', async () => {
    const counts = [];
    for (const text of ['Once upon', '<s>Once upon'])
      counts.push(await child.ask({ type: 'count', prompt: { kind: 'raw', text, parseSpecial: true } }));
    expect(counts[1]?.totalTokens).toBe(counts[0]?.totalTokens);
  });

  it('switches adapters for each request, and back', async () => {
    const sampling = { ...steady, temperature: 0 };
    const plain = await child.generate({ sampling });
    const sets = [
      [{ id: 'one', scale: 1 }],
      [{ id: 'two', scale: 1 }],
      [
        { id: 'one', scale: 0.5 },
        { id: 'two', scale: 1 },
      ],
    ];
    const texts = await Promise.all(
      sets.map(async (adapters) => (await child.generate({ sampling, adapters })).text),
    );
    expect(new Set([plain.text, ...texts]).size).toBe(4);
    expect((await child.generate({ sampling })).text).toBe(plain.text);
    expect((await child.generate({ sampling, adapters: [{ id: 'one', scale: 0 }] })).text).toBe(plain.text);
    expect((await child.generate({ sampling, adapters: sets[0] })).text).toBe(texts[0]);
  });

  it('never uses state that another set of adapters computed', async () => {
    const request = {
      prompt: raw('The llama walked down to the river to drink and to talk with the people'),
      stateKey: 'adapters',
      sampling: { ...steady, temperature: 0 },
    };
    await child.generate(request);
    expect((await child.generate(request)).usage!.cachedTokens).toBeGreaterThan(10);
    expect(
      (await child.generate({ ...request, adapters: [{ id: 'one', scale: 1 }] })).usage!.cachedTokens,
    ).toBe(0);
  });

  it('says which adapters do not fit and serves without them', async () => {
    const { end } = await child.generate({ adapters: [{ id: 'misfit', scale: 1 }] });
    expect(end).toMatchObject({ reason: 'failed', error: { code: 'adapter-mismatch' } });
    const missing = await child.generate({ adapters: [{ id: 'missing', scale: 1 }] });
    expect(missing.end.reason).toBe('failed');
  });

  it('goes on to the end of its context, and refuses a prompt that does not fit with both counts', async () => {
    const { end, usage } = await child.generate({ sampling: { ignoreEos: true, maxNewTokens: 5000 } });
    expect(end.reason).toBe('length');
    expect(usage!.promptTokens + usage!.completionTokens).toBe(513);
    const refused = await child.generate({
      prompt: { kind: 'tokens', ids: Array.from({ length: 512 }, () => 300) },
    });
    expect(refused.end.error).toMatchObject({
      code: 'context-too-long',
      details: { promptTokens: 512, contextTokens: 512 },
    });
  });

  it('fails only the request whose token id does not exist', async () => {
    const [good, bad, negative] = await Promise.all([
      child.generate({ sampling: steady }),
      child.generate({ prompt: { kind: 'tokens', ids: [1, 384] } }),
      child.generate({ prompt: { kind: 'tokens', ids: [-1] } }),
    ]);
    expect(good.end.reason).toBe('length');
    for (const { end } of [bad, negative]) expect(end.error?.code).toBe('token-out-of-range');
    const bias = await child.generate({ sampling: { logitBias: { 9999: 1 } } });
    expect(bias.end.error?.code).toBe('token-out-of-range');
  });

  it('keeps to a grammar of deep brackets and a long chain of rules', async () => {
    const chain = Array.from({ length: 4000 }, (_, number) => `r${number} ::= r${number + 1}`);
    const brackets = `${'('.repeat(250)}"yes" # (((\n${')'.repeat(250)} "(((" [(((\\](]`;
    for (const grammar of [['root ::= r0', ...chain, 'r4000 ::= "yes"'].join('\n'), `root ::= ${brackets}`]) {
      const { text, end } = await child.generate({ sampling: { grammar } });
      expect(end.reason).toBe('stop');
      expect(text).toMatch(/^yes/u);
    }
  });

  it('does not stop at what the format stops at inside of what a grammar asks for', async () => {
    const messages = [{ role: 'user' as const, content: 'How?' }];
    const prompt = { kind: 'chat' as const, messages, format: 'llama-2' as const };
    const { text, end } = await child.generate({
      prompt,
      sampling: { grammar: 'root ::= "say [INST] first"', maxNewTokens: 60 },
    });
    expect([text, end.reason]).toEqual(['say [INST] first', 'stop']);
  });
});
