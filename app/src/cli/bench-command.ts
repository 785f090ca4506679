import { randomBytes } from 'node:crypto';
import { AppError } from '../contracts/app-error.ts';
import type { Command, CommandContext, CommandInput } from './command.ts';
import { absoluteReference } from './models/absolute-reference.ts';

/** What `/v1/completions` says about one answer. */
interface Measured {
  model: string;
  timings: { prompt_n: number; prompt_per_second: number; predicted_n: number; predicted_per_second: number };
}

interface Asked {
  /** Absent: the operator's. */
  model: string | undefined;
  promptTokens: number;
  newTokens: number;
}

interface Round {
  promptTokens: number;
  promptPerSecond: number;
  newTokens: number;
  newPerSecond: number;
}

/** A plain sentence is about this many tokens in every vocabulary we know. */
const sentence = 'The quick brown llama jumps over the sleeping dog and looks at the wide plain. ';
const tokensInSentence = 18;

function wholeNumber(input: CommandInput, name: string, max: number): number {
  const value = Number(input.options[name]);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new AppError(
    'value-out-of-range',
    `"${String(input.options[name])}" is not a whole number from 1 to ${max}`,
  );
}

/** Begins as no other does: what a server has read of one, also for an earlier bench, it does not read again. */
function freshPrompt(tokens: number): string {
  return `${randomBytes(4).toString('hex')}. ${sentence.repeat(Math.max(1, Math.round(tokens / tokensInSentence)))}`;
}

async function measure(
  context: CommandContext,
  { model, promptTokens, newTokens }: Asked,
): Promise<{ model: string; round: Round }> {
  const server = await context.api();
  const answer = await server.request<Measured>('POST', '/v1/completions', {
    body: {
      ...(model === undefined ? {} : { model }),
      prompt: freshPrompt(promptTokens),
      max_tokens: newTokens,
      temperature: 0,
      ignore_eos: true,
    },
    signal: context.signal,
  });
  const { timings } = answer;
  const round = {
    promptTokens: timings.prompt_n,
    promptPerSecond: timings.prompt_per_second,
    newTokens: timings.predicted_n,
    newPerSecond: timings.predicted_per_second,
  };
  return { model: answer.model, round };
}

async function measureRounds(context: CommandContext, asked: Asked, rounds: number): Promise<Round[]> {
  const measured: Round[] = [];
  try {
    for (let round = 1; round <= rounds; round++) {
      measured.push((await measure(context, asked)).round);
      context.output.status(`round ${round} of ${rounds}`);
    }
    return measured;
  } finally {
    context.output.status('');
  }
}

/** The argument, or `--model`; where neither is given, a server that runs knows its own better than our settings. */
function givenModel({ arguments: [reference], options }: CommandInput): string | undefined {
  if (reference !== undefined) return absoluteReference(reference);
  return options['model'] === undefined ? undefined : String(options['model']);
}

function middle(values: number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;
}

export const benchCommand: Command = {
  name: 'bench',
  arguments: [{ name: '[reference]', about: 'a model that is here; without one that of CORRAL_MODEL' }],
  about: 'Measure how fast a model reads and writes on this machine.',
  options: [
    { flags: '--prompt-tokens <number>', about: 'length of the text to read, roughly', default: '512' },
    { flags: '--new-tokens <number>', about: 'tokens to write', default: '128' },
    { flags: '--rounds <number>', about: 'how often; the middle one counts', default: '5' },
  ],
  async run(context, input) {
    const { output } = context;
    const promptTokens = wholeNumber(input, 'promptTokens', 100_000);
    const newTokens = wholeNumber(input, 'newTokens', 100_000);
    const rounds = wholeNumber(input, 'rounds', 100);
    const { model } = await measure(context, { model: givenModel(input), promptTokens: 16, newTokens: 8 });
    const measured = await measureRounds(context, { model, promptTokens, newTokens }, rounds);
    const rows = measured.map((round, index) => [
      `${index + 1}`,
      `${round.promptTokens}`,
      round.promptPerSecond.toFixed(1),
      `${round.newTokens}`,
      round.newPerSecond.toFixed(1),
    ]);
    const reads = middle(measured.map((round) => round.promptPerSecond));
    const writes = middle(measured.map((round) => round.newPerSecond));
    output.table(rows, ['round', 'read', 'tokens/s', 'written', 'tokens/s']);
    output.line(`${model} reads ${reads.toFixed(1)} and writes ${writes.toFixed(1)} tokens/s`);
    output.json({ model, readTokensPerSecond: reads, writeTokensPerSecond: writes, rounds: measured });
  },
};
