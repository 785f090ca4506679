import { availableParallelism } from 'node:os';
import { answerOf } from '../src/engine/contract/answers.ts';
import type { Prompt } from '../src/engine/engine.ts';
import { createLlamaWorkplace } from '../test/fixtures/llama-workplace.ts';
import type { BenchContext } from './bench.ts';
import type { BenchModel } from './bench-models.ts';
import { timedChat, user, type ChatMessage, type TimedAnswer } from './chat-client.ts';
import { steadyRequest, wordsOf } from './engine-words.ts';
import type { Service } from './llama-peer.ts';
import { pair, secondRow, single } from './measure.ts';
import { withBoth } from './served-pair.ts';

const cores = availableParallelism();
const conversations = 16;
const turns = 2;
const turnTokens = Number(process.env['BENCH_TURN_TOKENS'] ?? 48);

interface ManyFigures {
  tokensPerSecond: number;
  firstTokenMs: number;
}

/** Many conversations of two turns under one system prompt, which is half of the prompt. */
export async function manyRows(context: BenchContext, model: BenchModel): Promise<void> {
  await savingRow(context, model);
  const plain = ['-np', String(conversations), '-c', String(conversations * 512)];
  let seed = 400;
  const first = { ours: [] as number[], peer: [] as number[] };
  const round = async (service: Service, seen: number[]): Promise<number> => {
    const figures = await converse(service, model.name, (seed += conversations));
    seen.push(figures.firstTokenMs);
    return figures.tokensPerSecond;
  };
  await withBoth(
    context,
    model,
    {
      title: `${conversations} conversations`,
      slots: conversations,
      peerVariants: [plain, [...plain, '-t', String(cores), '-fa', 'on', '-kvu', '--cache-reuse', '16']],
      probe: (service) => round(service, []),
    },
    async (ours, peer) => {
      // The first of our rounds would load the model as well; the peer loads it when it starts.
      await round(ours, []);
      const speed = await pair({
        name: `${conversations} conversations of ${turns} turns, ${model.name}`,
        unit: 'tokens/s',
        ours: () => round(ours, first.ours),
        peer: () => round(peer.service, first.peer),
        goal: '≥ 1.5 of llama-server',
        isReached: (ratio) => ratio >= 1.5,
        note: peer.note,
      });
      context.report(speed);
      context.report(
        secondRow(speed, first, {
          name: `${conversations} conversations, mean first token, ${model.name}`,
          unit: 'ms',
          goal: '≤ 0.6 of llama-server',
          isReached: (ratio) => ratio <= 0.6,
        }),
      );
    },
  );
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
