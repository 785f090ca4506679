import { randomInt } from 'node:crypto';
import { AppError } from '../../../contracts/app-error.ts';
import { samplingDefaults } from '../../../contracts/sampling-defaults.ts';
import type { Sampling } from '../../../contracts/sampling.ts';
import { openAnswer } from '../../open-answer.ts';
import type { WireGenerateRequest } from '../protocol.ts';
import { answerGrammar } from './answer-grammar.ts';
import { AnswerText } from './answer-text.ts';
import type { Bindings } from './bindings.ts';
import type { ChatStates } from './chat-states.ts';
import type { Counters } from './counters.ts';
import type { LoadedModel } from './loaded-model.ts';
import type { ResolvedPrompt } from './prompting.ts';
import { Sampler } from './sampler.ts';
import type { Sequences } from './sequences.ts';
import type { StatesAside } from './states-aside.ts';
import { createTask, type AdapterSet, type AnswerWork, type StoredState, type Task } from './task.ts';
import { TokenList } from './token-list.ts';
import type { Transcript } from './transcript.ts';

const maxSeed = 4_294_967_295;

export interface AdmissionPlace {
  library: Bindings;
  loaded: LoadedModel;
  sequences: Sequences;
  states: ChatStates | null;
  aside: StatesAside;
  counters: Counters;
}

/** Checks a request and makes ready what it needs before it can wait in the queue. Rejects with `AppError`s. */
export async function prepareTask(
  ticket: number,
  request: WireGenerateRequest,
  place: AdmissionPlace,
): Promise<Task> {
  const { loaded, states } = place;
  const adapters = adapterSet(request.adapters ?? [], loaded);
  const prompt = await loaded.prompting.resolve(request.prompt);
  const stateKey = request.stateKey ?? null;
  const stored = stateKey === null || states === null ? null : await states.find(stateKey, adapters.key);
  const ids = idsOf(prompt, earlierOf(stateKey, adapters.key, { ...place, stored }), place);
  checkLength(ids.length, loaded.contextTokens);
  return createTask(
    {
      ticket,
      person: request.person,
      priority: request.priority ?? 'answer',
      stateKey,
      ephemeral: request.ephemeral ?? false,
      adapters,
      work: await answerWork(request, { ids, stop: prompt.stop }, place),
      target: new TokenList(ids),
      promptText: prompt.text,
      stored,
    },
    new TokenList(),
  );
}

/** A prompt is refused with its counts, never cut. */
export function checkLength(promptTokens: number, contextTokens: number): void {
  if (promptTokens < contextTokens) return;
  const most = `with room for an answer at most ${contextTokens - 1} fit`;
  throw tooLong(`The prompt has ${promptTokens} tokens; ${most}.`, { promptTokens, contextTokens });
}

/** What is only read needs no room for an answer. */
export function checkReadLength(promptTokens: number, contextTokens: number): void {
  if (promptTokens <= contextTokens) return;
  const most = `at most ${contextTokens} fit`;
  throw tooLong(`The text has ${promptTokens} tokens; ${most}.`, { promptTokens, contextTokens });
}

function tooLong(message: string, details: { promptTokens: number; contextTokens: number }): AppError {
  const hint = 'Shorten it, or load the model with a larger context.';
  return new AppError('context-too-long', message, { hint, details });
}

/** The answers that this chat's model gave keep the ids that it drew, where the prompt goes on from there. */
function idsOf(prompt: ResolvedPrompt, earlier: readonly Transcript[], place: AdmissionPlace): number[] {
  const kept = firstKept(prompt, earlier);
  if (kept === null || kept.length >= place.loaded.contextTokens) return prompt.ids;
  const isDifferent = kept.length !== prompt.ids.length || kept.some((id, index) => id !== prompt.ids[index]);
  if (isDifferent) place.counters.keptIdTokens += kept.length - commonLength(kept, prompt.ids);
  return kept;
}

function firstKept(prompt: ResolvedPrompt, earlier: readonly Transcript[]): number[] | null {
  for (const transcript of earlier) {
    const kept = prompt.withKeptIds(transcript);
    if (kept !== null) return kept;
  }
  return null;
}

function commonLength(a: readonly number[], b: readonly number[]): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

/** What was said before by this chat, or by any request of no chat; the newest first. */
function earlierOf(
  stateKey: string | null,
  adapterKey: string,
  known: { sequences: Sequences; aside: StatesAside; stored: StoredState | null },
): Transcript[] {
  const own = known.sequences
    .all()
    .filter((sequence) => sequence.stateKey === stateKey && sequence.adapterKey === adapterKey);
  const inCache = own.toSorted((a, b) => b.lastUsed - a.lastUsed).map((sequence) => sequence.transcript);
  const found = [...inCache, known.stored?.transcript ?? null].flatMap((transcript) => transcript ?? []);
  return [...found, ...known.aside.transcripts(stateKey, adapterKey)];
}

export function adapterSet(uses: readonly { id: string; scale: number }[], loaded: LoadedModel): AdapterSet {
  const active = uses.filter((use) => use.scale !== 0);
  const items = active.map(({ id, scale }) => {
    const adapter = loaded.adapters.get(id);
    if (adapter === undefined) {
      throw new AppError('adapter-mismatch', `The adapter ${id} is not loaded with this model.`);
    }
    return { pointer: adapter.pointer, scale, name: `${adapter.sha256}*${scale}` };
  });
  const key = items
    .map((item) => item.name)
    .sort()
    .join('+');
  return { key, items: items.map(({ pointer, scale }) => ({ pointer, scale })) };
}

async function answerWork(
  request: WireGenerateRequest,
  prompt: { ids: readonly number[]; stop: readonly string[] },
  place: AdmissionPlace,
): Promise<AnswerWork> {
  const { sampling } = request;
  const { loaded } = place;
  const { vocabulary } = loaded.model;
  checkSampling(sampling);
  vocabulary.check(sampling.stopTokenIds ?? []);
  const grammar = await answerGrammar(request, place);
  const sampler = new Sampler({
    sampling,
    vocabulary,
    grammar,
    seed: sampling.seed ?? randomInt(maxSeed),
    contextTokens: loaded.contextTokens,
    drawnTokens: request.drawnTokens ?? 0,
  });
  for (const id of prompt.ids) sampler.see(id);
  const asked = sampling.stop ?? [];
  // A grammar says itself where an answer ends, and what the format stops at may stand in the middle of it.
  const ofFormat = grammar === null ? prompt.stop : [];
  return {
    kind: 'answer',
    sampler,
    text: new AnswerText([...asked, ...ofFormat], openAnswer(request.prompt)),
    askedStops: new Set(asked),
    maxNewTokens: sampling.maxNewTokens ?? samplingDefaults.maxNewTokens,
    stopIds: new Set(sampling.stopTokenIds),
    ignoreEnd: sampling.ignoreEos ?? false,
  };
}

function checkSampling(sampling: Sampling): void {
  if (sampling.jsonSchema === undefined) return;
  throw new AppError(
    'unsupported-field',
    'The engine child takes grammars; a JSON schema is compiled before it.',
  );
}
