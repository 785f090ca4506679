import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { processorPackageFolder } from '../src/engine/llama/libraries.ts';
import { answerOf } from '../src/engine/engine.contract.ts';
import type { Prompt } from '../src/engine/engine.ts';
import { createLlamaWorkplace, type LlamaWorkplace } from '../test/fixtures/llama-workplace.ts';
import type { BenchContext } from './bench.ts';
import type { BenchModel } from './bench-models.ts';
import { timedChat, type ChatMessage, type TimedAnswer } from './chat-client.ts';
import { startCorral } from './corral-service.ts';
import { measured, steadyRequest, wordsOf } from './engine-words.ts';
import { LlamaBench, peerProgram, startLlamaServer, type Service } from './llama-peer.ts';
import { pair, single } from './measure.ts';

const cores = availableParallelism();
const tokens = Number(process.env['BENCH_TOKENS'] ?? 96);
const depth = 128;

export async function streamRow(
  context: BenchContext,
  place: LlamaWorkplace,
  model: BenchModel,
): Promise<void> {
  const program = peerProgram('LLAMA_BENCH');
  if (program === null) {
    context.log('one stream: left out, LLAMA_BENCH names no program');
    return;
  }
  const peer = new LlamaBench(program, processorPackageFolder());
  const engine = await place.load(model, { contextTokens: 2048, slots: 4 });
  await measured(engine, steadyRequest(wordsOf(depth - 16, 0), 16));
  let seed = 0;
  const row = await pair({
    name: `one stream inside the engine, ${model.name}`,
    unit: 'tokens/s',
    ours: async () =>
      (await measured(engine, steadyRequest(wordsOf(depth - 16, ++seed), tokens))).timings.tokensPerSecond,
    peer: () => peer.generate(model.path, { tokens, depth, threads: cores }),
    goal: '≥ 0.97 of llama-bench',
    isReached: (ratio) => ratio >= 0.97,
    note: `same libraries, ${cores} threads, ${tokens} tokens after ${depth}; llama-bench with and without flash attention`,
  });
  context.report(row);
  await engine.close();
  peer.close();
}

export async function overheadRow(
  context: BenchContext,
  place: LlamaWorkplace,
  model: BenchModel,
): Promise<void> {
  const engine = await place.load(model, { contextTokens: 2048, slots: 4 });
  await measured(engine, steadyRequest('warm up', 16));
  let seed = 100;
  const row = await single({
    name: `overhead outside llama_decode, in process, ${model.name}`,
    unit: 'ms a token',
    measure: async () => {
      const before = await engine.stats();
      await measured(engine, steadyRequest(wordsOf(8, ++seed), 200));
      const after = await engine.stats();
      return (after.overheadMs - before.overheadMs) / (after.generatedTokens - before.generatedTokens);
    },
    goal: '≤ 0.08 ms',
    isReached: ({ median }) => median <= 0.08,
    note: "the child's own count, prompt of 24 tokens included",
  });
  context.report(row);
  await engine.close();
}

/** One busy core: the engine against the peer, and against itself with one thread on a free machine. */
export async function busyRows(context: BenchContext, model: BenchModel): Promise<void> {
  const program = peerProgram('LLAMA_SERVER');
  if (program === null) {
    context.log('one busy core: left out, LLAMA_SERVER names no program');
    return;
  }
  const goal = model.name.startsWith('134m') ? 2 : 1.7;
  const [place, alone] = [
    await createLlamaWorkplace(),
    await createLlamaWorkplace({ maxThreads: cores - 1 }),
  ];
  const engine = await place.load(model, { contextTokens: 2048, slots: 4 });
  const fewer = await alone.load(model, { contextTokens: 2048, slots: 4 });
  const peer = await startLlamaServer(program, model.path, []);
  let seed = 200;
  const speed = async (one: typeof engine): Promise<number> =>
    (await measured(one, steadyRequest(wordsOf(depth - 16, ++seed), tokens))).timings.tokensPerSecond;
  const busily =
    <Value>(action: () => Promise<Value>) =>
    async (): Promise<Value> => {
      const spinner = spawn(process.execPath, ['-e', 'for (;;) {}'], { stdio: 'ignore' });
      try {
        return await action();
      } finally {
        spinner.kill('SIGKILL');
      }
    };
  const row = await pair({
    name: `one busy core of ${cores}, ${model.name}`,
    unit: 'tokens/s',
    ours: busily(() => speed(engine)),
    peer: busily(async () =>
      speedOf(await timedChat(peer.url, model.name, [user(wordsOf(depth - 16, ++seed))], tokens)),
    ),
    goal: `≥ ${goal} of llama-server`,
    isReached: (ratio) => ratio >= goal,
  });
  context.report(row);
  await peer.close();
  const held = await pair({
    name: `one busy core of ${cores} against ${cores - 1} free, ${model.name}`,
    unit: 'tokens/s',
    ours: busily(() => speed(engine)),
    peer: () => speed(fewer),
    goal: '≥ 0.8 of the speed with one free thread',
    isReached: (ratio) => ratio >= 0.8,
    note: 'the peer is ourselves, told to use one thread fewer, nothing else running',
  });
  context.report(held);
  await place.close();
  await alone.close();
}

/** One stream over HTTP: generation and first token apart, and what serving costs beyond decoding. */
export async function servedRows(context: BenchContext, model: BenchModel): Promise<void> {
  await withBoth(
    context,
    model,
    { slots: 4, peerWords: [], title: 'one stream over HTTP' },
    async (ours, peer) => {
      let seed = 300;
      const ask = (service: Service): Promise<TimedAnswer> =>
        timedChat(service.url, model.name, [user(wordsOf(depth - 16, ++seed))], tokens);
      const goal = model.name.startsWith('134m') ? 0.95 : 1;
      await ask(ours);
      await ask(peer);
      const generation = await pair({
        name: `one stream over HTTP, generation, ${model.name}`,
        unit: 'tokens/s',
        ours: async () => speedOf(await ask(ours)),
        peer: async () => speedOf(await ask(peer)),
        goal: `≥ ${goal} of llama-server`,
        isReached: (ratio) => ratio >= goal,
      });
      context.report(generation);
      const first = await pair({
        name: `one stream over HTTP, first token, ${model.name}`,
        unit: 'ms',
        ours: async () => (await ask(ours)).firstTokenMs,
        peer: async () => (await ask(peer)).firstTokenMs,
        goal: '≤ 1.0 of llama-server',
        isReached: (ratio) => ratio <= 1,
      });
      context.report(first);
    },
  );
}

const conversations = 16;
const turns = 2;
const turnTokens = Number(process.env['BENCH_TURN_TOKENS'] ?? 48);

interface ManyFigures {
  tokensPerSecond: number;
  firstTokenMs: number;
}

/** Many conversations of two turns under one system prompt, which is half of the prompt. */
export async function manyRows(context: BenchContext, model: BenchModel): Promise<void> {
  const peerWords = ['-np', String(conversations), '-c', String(conversations * 512)];
  const title = `${conversations} conversations`;
  await savingRow(context, model);
  await withBoth(context, model, { slots: conversations, peerWords, title }, async (ours, peer) => {
    let seed = 400;
    const first = { ours: [] as number[], peer: [] as number[] };
    const round = async (service: Service, seen: number[]): Promise<number> => {
      const figures = await converse(service, model.name, (seed += conversations));
      seen.push(figures.firstTokenMs);
      return figures.tokensPerSecond;
    };
    const speed = await pair({
      name: `${conversations} conversations of ${turns} turns, ${model.name}`,
      unit: 'tokens/s',
      ours: () => round(ours, first.ours),
      peer: () => round(peer, first.peer),
      goal: '≥ 1.5 of llama-server',
      isReached: (ratio) => ratio >= 1.5,
    });
    context.report(speed);
    const [oursFirst, peerFirst] = [first.ours.values(), first.peer.values()];
    const waited = await pair({
      name: `${conversations} conversations, mean first token, ${model.name}`,
      unit: 'ms',
      ours: async () => oursFirst.next().value ?? Number.NaN,
      peer: async () => peerFirst.next().value ?? Number.NaN,
      goal: '≤ 0.6 of llama-server',
      isReached: (ratio) => ratio <= 0.6,
      note: 'of the same rounds as the row above',
    });
    // What made the rounds above incomparable holds for their first tokens, too.
    const { ratio: _, ...refused } = waited;
    context.report(
      speed.ratio === undefined ? { ...refused, isReached: null, foreign: speed.foreign } : waited,
    );
  });
}

/** What the copied beginnings and the kept ids save each, told by the engine itself for the same conversations. */
async function savingRow(context: BenchContext, model: BenchModel): Promise<void> {
  const place = await createLlamaWorkplace();
  const engine = await place.load(model, { contextTokens: 2048, slots: conversations });
  const talk = async (person: number): Promise<void> => {
    const messages: ChatMessage[] = [{ role: 'system', content: wordsOf(60, 1) }];
    for (let turn = 0; turn < turns; turn++) {
      messages.push(user(wordsOf(turn === 0 ? 60 : 20, 9000 + person + turn * 1000)));
      const prompt: Prompt = { kind: 'chat', messages: [...messages] };
      const { text } = await answerOf(
        engine.generate(
          steadyRequest('', turnTokens, { prompt, stateKey: `chat-${person}`, person: `person-${person}` }),
        ),
      );
      messages.push({ role: 'assistant', content: text });
    }
  };
  await Promise.all(Array.from({ length: conversations }, (_, person) => talk(person)));
  const { promptTokens, cachedTokens, copiedTokens, keptIdTokens } = await engine.stats();
  const row = await single({
    name: `${conversations} conversations, part of the prompts that was not read, ${model.name}`,
    unit: 'of all prompt tokens',
    rounds: 1,
    measure: async () => cachedTokens / (promptTokens + cachedTokens),
    goal: 'shown',
    isReached: ({ median }) => median > 0,
    note: `${promptTokens} prompt tokens were read, ${cachedTokens} were there: ${copiedTokens} copied from others, ${keptIdTokens} kept as generated ids`,
  });
  context.report(row);
  await place.close();
}

async function converse(service: Service, model: string, seed: number): Promise<ManyFigures> {
  const system: ChatMessage = { role: 'system', content: wordsOf(60, 1) };
  const started = performance.now();
  const answers = await Promise.all(
    Array.from({ length: conversations }, async (_, person) => {
      const messages: ChatMessage[] = [system];
      const taken: TimedAnswer[] = [];
      for (let turn = 0; turn < turns; turn++) {
        messages.push(user(wordsOf(turn === 0 ? 60 : 20, seed + person + turn * 1000)));
        const answer = await timedChat(service.url, model, messages, turnTokens);
        messages.push({ role: 'assistant', content: answer.text });
        taken.push(answer);
      }
      return taken;
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  const all = answers.flat();
  return {
    tokensPerSecond: all.reduce((sum, answer) => sum + answer.tokens, 0) / seconds,
    firstTokenMs: all.reduce((sum, answer) => sum + answer.firstTokenMs, 0) / all.length,
  };
}

async function withBoth(
  context: BenchContext,
  model: BenchModel,
  options: { slots: number; peerWords: string[]; title: string },
  measure: (ours: Service, peer: Service) => Promise<void>,
): Promise<void> {
  const program = peerProgram('LLAMA_SERVER');
  if (program === null) {
    context.log(`${options.title}: left out, LLAMA_SERVER names no program`);
    return;
  }
  const ours = await startCorral(model, options.slots);
  const peer = await startLlamaServer(program, model.path, options.peerWords);
  try {
    await measure(ours, peer);
  } finally {
    await ours.close();
    await peer.close();
  }
}

function user(content: string): ChatMessage {
  return { role: 'user', content };
}

function speedOf(answer: TimedAnswer): number {
  return ((answer.tokens - 1) * 1000) / answer.generationMs;
}
