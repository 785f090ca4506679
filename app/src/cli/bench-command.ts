import { AppError } from '../contracts/app-error.ts';
import type { Api } from './api.ts';
import type { Command, CommandInput } from './command.ts';

/** What `/v1/completions` says about one answer. */
interface Measured {
  timings: { prompt_n: number; prompt_per_second: number; predicted_n: number; predicted_per_second: number };
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

/** The round's number stands first, so that no round finds its prompt read already. */
function promptOf(round: number, tokens: number): string {
  return `${round}. ${sentence.repeat(Math.max(1, Math.round(tokens / tokensInSentence)))}`;
}

async function measure(
  api: Api,
  model: string | undefined,
  prompt: string,
  newTokens: number,
): Promise<Round> {
  const { timings } = await api.request<Measured>('POST', '/v1/completions', {
    body: { ...(model ? { model } : {}), prompt, max_tokens: newTokens, temperature: 0, ignore_eos: true },
  });
  return {
    promptTokens: timings.prompt_n,
    promptPerSecond: timings.prompt_per_second,
    newTokens: timings.predicted_n,
    newPerSecond: timings.predicted_per_second,
  };
}

function middle(values: number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;
}

export const benchCommand: Command = {
  name: 'bench',
  arguments: [{ name: '[reference]', about: 'a model that is here; without one the configured one' }],
  about: 'Measure how fast a model reads and writes on this machine.',
  options: [
    { flags: '--prompt-tokens <number>', about: 'length of the text to read, roughly', default: '512' },
    { flags: '--new-tokens <number>', about: 'tokens to write', default: '128' },
    { flags: '--rounds <number>', about: 'how often; the middle one counts', default: '5' },
  ],
  async run(context, input) {
    const { output, config } = context;
    const model = input.arguments[0] ?? config.model;
    const promptTokens = wholeNumber(input, 'promptTokens', 100_000);
    const newTokens = wholeNumber(input, 'newTokens', 100_000);
    const rounds = wholeNumber(input, 'rounds', 100);
    const server = await context.api();
    await measure(server, model, promptOf(0, 16), 8);
    const measured: Round[] = [];
    for (let round = 1; round <= rounds; round++) {
      measured.push(await measure(server, model, promptOf(round, promptTokens), newTokens));
      output.status(`round ${round} of ${rounds}`);
    }
    output.status('');
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
