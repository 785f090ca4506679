import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, toAppError } from '../../contracts/app-error.ts';
import type { RunPart } from '../../contracts/run-parts.ts';
import type { EngineConnection } from './engine-connection.ts';
import type { Hello } from './protocol-results.ts';
import { trialModelBytes } from './trial-model.ts';

export interface TrialOptions {
  directory: string;
  /** A process that has opened the libraries; it has no other use afterwards. */
  connection: EngineConnection;
  hello: Hello;
  /** Where the small model lies meanwhile. */
  folder: string;
  /** Another model: a test of what happens when something else comes out. */
  modelBytes?: Uint8Array;
}

const trialText = 'the tenth stone';
/** What the released libraries make of `trialText` after BOS: the log-probability of each of its tokens. */
const expectedScores: readonly number[] = [
  -5.97, -5.86, -6.25, -6.78, -5.81, -5.91, -6.93, -6.5, -5.75, -7, -5.55, -6.71, -6.93, -7.17, -6.49,
];
/** Processors round differently, and so do GPUs; another layout or another graph is off by whole units. */
const tolerance = 0.1;
const contextTokens = 128;
const allLayers = 3;

/**
 * Lets libraries of another origin than our own package load a small model and compute with it: many tokens at once
 * and one by one, with a grammar, on the GPU where they bring one. Rejects with `engine-library-refused`.
 */
export async function tryLibraries(options: TrialOptions): Promise<void> {
  const folder = await mkdtemp(join(options.folder, 'trial-'));
  try {
    await compute(options, join(folder, 'trial.gguf'));
  } catch (error) {
    throw refusal(options.directory, toAppError(error));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function compute({ connection, hello, modelBytes }: TrialOptions, path: string): Promise<void> {
  const bytes = modelBytes ?? trialModelBytes();
  await writeFile(path, bytes);
  const hasGpu = hello.devices.some((device) => device.kind === 'gpu');
  await connection.ask('load', {
    model: { id: 'trial', path, sha256: createHash('sha256').update(bytes).digest('hex') },
    adapters: [],
    contextTokens,
    slots: 2,
    kvType: 'f16',
    gpuLayers: hasGpu ? allLayers : 0,
  });
  const { tokens } = await connection.ask('score', {
    request: { person: '', prompt: { kind: 'tokens', ids: [1] }, text: trialText },
  });
  const scores = tokens.map((token) => token.logprob);
  const isAlike =
    scores.length === expectedScores.length &&
    scores.every((score, index) => Math.abs(score - (expectedScores[index] ?? 0)) <= tolerance);
  if (!isAlike) throw new AppError('internal', 'it computes something else than the released libraries do');
  await answer(connection);
}

/** Token by token, held to a grammar. */
async function answer(connection: EngineConnection): Promise<void> {
  const sampling = { temperature: 0, maxNewTokens: 4, grammar: 'root ::= "stone"' };
  const prompt = { kind: 'raw', text: 'the ', parseSpecial: false } as const;
  const { channel } = connection.generate({ id: 'trial', person: 'trial', prompt, sampling });
  let text = '';
  let last: RunPart | null = null;
  for await (const part of channel.read(() => undefined)) {
    if (part.type === 'text-delta') text += part.text;
    last = part;
  }
  if (text === 'ston' && last?.type === 'end' && last.reason === 'length') return;
  throw new AppError('internal', `it wrote ${JSON.stringify(text)} where a grammar allowed "ston" alone`);
}

function refusal(directory: string, cause: AppError): AppError {
  return new AppError(
    'engine-library-refused',
    `The libraries in ${directory} failed a trial with a small model: ${cause.message}`,
    { hint: 'Build the supported release of llama.cpp, or leave CORRAL_LLAMA_DIR empty.', cause },
  );
}
