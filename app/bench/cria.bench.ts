/**
 * Cria on the held-out dialogues, through our own converter and engine. `CRIA_FOLDER` names another repository than
 * cria/ (an export of a checkpoint), `CRIA_FAILURES` a file that the wrong answers are written to.
 */
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AdapterUse, GenerateRequest } from '../src/engine/engine.ts';
import type { LlamaEngine } from '../src/engine/llama/llama-engine.ts';
import { systemClock } from '../src/lib/clock.ts';
import { silentLog } from '../src/lib/log.ts';
import { createModels } from '../src/models/create-models.ts';
import { converter } from '../src/models/pull/converter.ts';
import { createLlamaWorkplace } from '../test/fixtures/llama-workplace.ts';
import type { BenchContext } from './bench.ts';
import { holds, isClean, type HeldOut } from './cria-checks.ts';
import { steadyRequest } from './engine-words.ts';
import { single, type BenchRow } from './measure.ts';

const repository = join(import.meta.dirname, '../../cria');
const folder = process.env['CRIA_FOLDER'] ?? repository;
const failures = process.env['CRIA_FAILURES'];
const together = 4;
const mostTokens = 200;

const aims: Record<string, { name: string; share: number }> = {
  recall: { name: 'recalls what was told up to 4 turns before', share: 0.95 },
  facts: { name: 'questions about Corral in unseen wording', share: 0.9 },
  exact: { name: 'small exact tasks', share: 0.9 },
  system: { name: 'follows the system prompt', share: 0.9 },
  // Written when the data for training was complete, and before any answer to them was seen.
  'fresh-facts': { name: 'questions about Corral in a stranger’s wording', share: 0.9 },
  'fresh-system': { name: 'follows a system prompt in a stranger’s wording', share: 0.9 },
};

export async function run(context: BenchContext): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'corral-cria-'));
  const place = await createLlamaWorkplace({ maxThreads: 1 });
  const models = createModels({
    folder: join(home, 'models'),
    bundledFolder: folder,
    hub: { endpoint: 'http://127.0.0.1:9', token: '', offline: true, cacheFolder: join(home, 'cache') },
    providers: () => [],
    outboundHosts: [],
    contextTokens: 8192,
    converter,
    doubts: place.loader.crashes,
    clock: systemClock,
    log: silentLog,
    reserveBytes: 0,
  });
  try {
    const adapterPath = join(folder, 'adapters/pirate');
    await models.resolve('cria');
    // An export of a checkpoint has no adapter yet.
    const adding = existsSync(adapterPath) ? models.adapters.add(adapterPath, { base: 'cria' }) : [];
    for await (const part of adding) {
      if (part.type === 'done') context.log(`adapter ${part.adapter.id}`);
    }
    const source = await models.resolve('cria');
    if (source.kind !== 'file') throw new Error('cria is not a file');
    const engine = await place.load(source, { slots: together }, source.adapters);
    const wants = (part: string): boolean => context.only.length === 0 || context.only.includes(part);
    if (wants('answers')) for (const temperature of [0, 0.7]) await answerRows(context, engine, temperature);
    const adapter = source.adapters[0];
    if (adapter && wants('style')) await styleRows(context, engine, adapter.id);
    if (wants('speed')) await speedRow(context, engine);
  } finally {
    await place.close();
    await models.close();
    rmSync(home, { recursive: true, force: true });
  }
}

function heldOut(kind: string): HeldOut[] {
  const text = readFileSync(join(repository, 'data/held-out', `${kind}.jsonl`), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as HeldOut);
}

async function answerRows(context: BenchContext, engine: LlamaEngine, temperature: number): Promise<void> {
  let clean = 0;
  let asked = 0;
  for (const kind of ['recall', 'facts', 'exact', 'system', 'fresh-facts', 'fresh-system', 'talk']) {
    const dialogues = heldOut(kind);
    const answers = await answerAll(engine, dialogues, { temperature });
    clean += answers.filter(({ text, hasEnded }) => isClean(text, hasEnded)).length;
    asked += dialogues.length;
    const wrong = dialogues.filter((one, index) => {
      const { text, hasEnded } = answers[index] ?? { text: '', hasEnded: false };
      const isRight = holds(one.check, text, hasEnded);
      if (!isRight) keepFailure({ temperature, asked: one.messages.at(-1)?.content, answer: text, ...one });
      return !isRight;
    });
    const aim = aims[kind];
    const right = dialogues.length - wrong.length;
    if (aim)
      context.report(share(`${aim.name}, temperature ${temperature}`, right, dialogues.length, aim.share));
  }
  context.report(
    share(`ends its turn, no loops, no control tokens, temperature ${temperature}`, clean, asked, 0.99),
  );
}

function keepFailure(failure: object): void {
  if (failures !== undefined) appendFileSync(failures, `${JSON.stringify(failure)}\n`);
}

interface Answered {
  text: string;
  hasEnded: boolean;
}

async function answerAll(
  engine: LlamaEngine,
  dialogues: readonly HeldOut[],
  given: { temperature: number; adapters?: AdapterUse[] },
): Promise<Answered[]> {
  const answers: Answered[] = [];
  const waiting = dialogues.map((dialogue, index) => ({ dialogue, index }));
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      answers[next.index] = await answerOne(engine, next.dialogue, { ...given, seed: next.index + 1 });
    }
  };
  await Promise.all(Array.from({ length: together }, work));
  return answers;
}

async function answerOne(
  engine: LlamaEngine,
  dialogue: HeldOut,
  given: { temperature: number; seed: number; adapters?: AdapterUse[] },
): Promise<Answered> {
  const { adapters, ...sampling } = given;
  const request: GenerateRequest = {
    id: dialogue.id,
    person: 'bench',
    prompt: { kind: 'chat', messages: dialogue.messages },
    sampling: { ...sampling, maxNewTokens: mostTokens },
    ...(adapters ? { adapters } : {}),
  };
  let text = '';
  let reason = '';
  for await (const part of engine.generate(request)) {
    if (part.type === 'text-delta') text += part.text;
    if (part.type === 'end') reason = part.reason;
  }
  return { text, hasEnded: reason === 'stop' };
}

function share(name: string, right: number, of: number, aim: number): BenchRow {
  const part = right / of;
  const percent = Math.round(part * 1000) / 10;
  return {
    name,
    unit: '%',
    ours: { median: percent, low: percent, high: percent },
    goal: `≥ ${aim * 100} %`,
    isReached: part >= aim,
    rounds: 1,
    foreign: 0,
    note: `${right} of ${of} held-out dialogues`,
  };
}

const pirateWords = /\b(?:arr|ahoy|avast|aye|ye|yer|matey|mateys|o'|th'|an'|yo ho|doubloons)(?![a-z])/giu;

/** Pirate words per hundred words: none without the adapter, many with it, fewer at half its scale. */
async function styleRows(context: BenchContext, engine: LlamaEngine, id: string): Promise<void> {
  const dialogues = [...heldOut('talk'), ...heldOut('facts').slice(0, 60)];
  const shares: number[] = [];
  for (const scale of [0, 0.5, 1]) {
    const adapters = scale === 0 ? [] : [{ id, scale }];
    const answers = await answerAll(engine, dialogues, { temperature: 0, adapters });
    const text = answers.map((one) => one.text).join(' ');
    shares.push((100 * (text.match(pirateWords) ?? []).length) / text.split(/\s+/u).length);
  }
  const [off = 0, half = 0, on = 0] = shares;
  context.report({
    name: 'pirate words per hundred, adapter off, at 0.5 and on',
    unit: 'words',
    ours: { median: half, low: off, high: on },
    goal: 'off < 1, on ≥ 10, 0.5 in between',
    isReached: off < 1 && on >= 10 && half > off && half < on,
    rounds: 1,
    foreign: 0,
    note: `off ${off.toFixed(1)}, half ${half.toFixed(1)}, on ${on.toFixed(1)}; ${dialogues.length} questions`,
  });
}

async function speedRow(context: BenchContext, engine: LlamaEngine): Promise<void> {
  const row = await single({
    name: 'one stream on one thread',
    unit: 'tokens/s',
    measure: async () => {
      const began = performance.now();
      let tokens = 0;
      for await (const part of engine.generate(steadyRequest('Tell me a story.', 256))) {
        if (part.type === 'usage') tokens = part.usage.completionTokens;
      }
      return (tokens * 1000) / (performance.now() - began);
    },
    goal: '≥ 800',
    isReached: ({ median }) => median >= 800,
  });
  context.report(row);
}
