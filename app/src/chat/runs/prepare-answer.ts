import { AppError } from '../../contracts/app-error.ts';
import type { ChatMessage } from '../../contracts/chats.ts';
import type { ContextPlan } from '../../contracts/runs.ts';
import type { Engine, GenerateRequest, ModelDescription, ModelSource, Prompt } from '../../engine/engine.ts';
import { branchTo } from '../../lib/message-tree.ts';
import type { AnswerFacts } from './answer-facts.ts';
import { isDiskFailure } from './disk-failures.ts';
import type { LiveRun } from './live-run.ts';
import { contextTooLong, planContext, promptOf } from './plan-context.ts';
import { restOfAnswer } from './rest-of-answer.ts';
import { answerState, contextWish, type RunContext } from './run-context.ts';

/** Everything the engine needs, and the engine, held until `release`. */
export interface PreparedAnswer {
  engine: Engine;
  source: ModelSource;
  plan: ContextPlan;
  prompt: Prompt;
  request: GenerateRequest;
  release: () => void;
  /** True once the engine has gone, by itself or because it was closed. */
  isGone: () => boolean;
}

/** Phases load and plan. Throws what the run then ends with. */
export async function prepareAnswer(
  context: RunContext,
  live: LiveRun,
  known: { facts: AnswerFacts; signal: AbortSignal },
): Promise<PreparedAnswer> {
  const { facts, signal } = known;
  const { settings } = answerState(live);
  live.setPhase('loading');
  const source = await context.models.resolve(settings.model, signal);
  const { engine, release } = await context.engines.acquire(
    source,
    {
      ...contextWish(context.config, settings.contextTokens),
      onProgress: (progress) => live.tell({ type: 'model-load', progress }),
    },
    signal,
  );
  const life = watchLife(engine);
  try {
    Object.assign(facts, { source, description: engine.describe(), capabilities: engine.capabilities });
    checkAbilities(engine, live);
    live.setPhase('planning');
    const messages = await loadBranch(context, live);
    const plan = await settlePlan(context, live, { engine, messages, signal });
    live.tell({ type: 'plan', plan });
    const prompt = promptFor(live, plan, messages);
    const request = await requestFor(live, { engine, plan, prompt });
    return { engine, source, plan, prompt, request, release, isGone: life.isGone };
  } catch (error) {
    release();
    if (!life.isGone()) throw error;
    // It went away while this run only counted: somebody else's answer took it along.
    facts.wasAlone = false;
    throw new AppError('engine-crashed', 'the engine went away before it began to answer', { cause: error });
  }
}

function watchLife(engine: Engine): { isGone: () => boolean } {
  let gone = false;
  void engine.closed.then(() => (gone = true));
  return { isGone: () => gone };
}

function checkAbilities(engine: Engine, live: LiveRun): void {
  const { settings } = answerState(live);
  // A person who asks for more gets it from any model; only what goes on by itself has to fit on seamlessly.
  if (live.text.length > live.startOffset && !engine.capabilities.continueAnswer)
    throw new AppError(
      'engine-crashed',
      `${settings.model} cannot go on by itself with a half-written answer`,
      {
        hint: 'The text so far is kept; Continue asks for the rest.',
      },
    );
  if (settings.adapters.length > 0 && !engine.capabilities.adapters)
    throw new AppError('unsupported-field', `${settings.model} takes no adapters`, {
      hint: 'Take the adapters out of the settings of this chat.',
    });
}

/** The branch that ends in the answer, which itself stands last. */
async function loadBranch(context: RunContext, live: LiveRun): Promise<ChatMessage[]> {
  const opened = await context.store.openChat(live.owner, live.chatId);
  const branch = branchTo(opened?.messages ?? [], live.messageId);
  if (branch.length === 0)
    throw new AppError('not-found', 'the chat was deleted before it could be answered');
  return branch;
}

interface Planning {
  engine: Engine;
  messages: readonly ChatMessage[];
  signal: AbortSignal;
}

/** The plan of an answer that is taken up again stays, unless it has outgrown what the service takes as a prompt. */
async function settlePlan(context: RunContext, live: LiveRun, known: Planning): Promise<ContextPlan> {
  const { engine, messages, signal } = known;
  const { plan } = answerState(live);
  const { mostPromptTokens } = engine.describe();
  if (plan === null || mostPromptTokens === undefined) return plan ?? makePlan(context, live, known);
  const { totalTokens } = await engine.count(promptFor(live, plan, messages), signal);
  if (totalTokens <= mostPromptTokens) return plan;
  return makePlan(context, live, known, totalTokens - plan.promptTokens);
}

async function makePlan(
  context: RunContext,
  live: LiveRun,
  known: Planning,
  writtenTokens = 0,
): Promise<ContextPlan> {
  const state = answerState(live);
  const { settings } = state;
  const isContinued = live.startOffset > 0;
  const own = { content: live.text.slice(0, live.startOffset) };
  const branch = isContinued
    ? known.messages.map((message) => (message.id === live.messageId ? { ...message, ...own } : message))
    : known.messages.slice(0, -1);
  const request = {
    branch,
    systemPrompt: settings.systemPrompt,
    format: settings.format,
    rememberExchanges: settings.rememberExchanges,
    maxNewTokens: settings.sampling.maxNewTokens ?? 1,
    ...contextOf(known.engine, settings.contextTokens),
    writtenTokens,
    continueAnswer: isContinued,
  };
  const plan = await planContext(known.engine, request, known.signal);
  await keepPlan(context, live, plan);
  if (!plan.fits) throw contextTooLong(plan, request);
  return plan;
}

/** For when the run is taken up again. A disk that takes nothing costs nobody the answer: it would be planned anew. */
async function keepPlan(context: RunContext, live: LiveRun, plan: ContextPlan): Promise<void> {
  const { owner, id: runId, epoch } = live;
  const state = { ...answerState(live), plan };
  live.record = { ...live.record, state };
  try {
    await context.store.updateRun(owner, { runId, epoch, phase: 'queued', state });
  } catch (error) {
    if (!isDiskFailure(error)) throw error;
    context.log.error({ runId, error: String(error) }, 'the plan of an answer could not be written');
  }
}

/** What a plan has to keep to. */
export function contextOf(
  engine: Engine,
  wanted: number | null,
): Pick<ModelDescription, 'contextTokens' | 'mostPromptTokens'> {
  const { contextTokens, mostPromptTokens } = engine.describe();
  return {
    contextTokens: wanted === null ? contextTokens : Math.min(wanted, contextTokens),
    ...(mostPromptTokens === undefined ? {} : { mostPromptTokens }),
  };
}

/** The planned messages as they were then, and what was written of the answer so far. */
function promptFor(live: LiveRun, plan: ContextPlan, messages: readonly ChatMessage[]): Prompt {
  const { settings } = answerState(live);
  const seen = seenMessages(plan, messages).filter((message) => message.id !== live.messageId);
  const answer = live.text === '' ? [] : [{ role: 'assistant' as const, content: live.text }];
  return promptOf({ ...settings, continueAnswer: answer.length > 0 }, [...seen, ...answer]);
}

/** What a plan lets the model see, with each text as long as it was when the plan was made. */
export function seenMessages(
  plan: ContextPlan,
  messages: readonly ChatMessage[],
): Pick<ChatMessage, 'id' | 'role' | 'content'>[] {
  const byId = new Map(messages.map((message) => [message.id, message]));
  return plan.messages.flatMap(({ messageId, seen, characters }) => {
    const message = messageId === null || !seen ? undefined : byId.get(messageId);
    if (!message) return [];
    return [{ id: message.id, role: message.role, content: message.content.slice(0, characters) }];
  });
}

async function requestFor(
  live: LiveRun,
  known: { engine: Engine; plan: ContextPlan; prompt: Prompt },
): Promise<GenerateRequest> {
  const { settings, position } = answerState(live);
  const written = live.text.slice(live.startOffset);
  return {
    id: `${live.id}.${live.epoch}`,
    person: live.owner,
    prompt: known.prompt,
    ...(await restOfAnswer(known.engine, { written, sampling: settings.sampling, plan: known.plan })),
    ...(settings.adapters.length === 0 ? {} : { adapters: settings.adapters }),
    ...(position === 0 ? { stateKey: live.chatId } : {}),
    ...(live.isTemporary ? { ephemeral: true } : {}),
  };
}
