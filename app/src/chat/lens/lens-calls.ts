import { AppError } from '../../contracts/app-error.ts';
import type { ChatMessage } from '../../contracts/chats.ts';
import type { TokenLens } from '../../contracts/lens.ts';
import type { Receipt } from '../../contracts/runs.ts';
import type { AdapterUse, Engine, Prompt } from '../../engine/engine.ts';
import { branchTo } from '../../lib/message-tree.ts';
import type { LensCalls, OpenedChat } from '../chats.ts';
import { saidBefore } from '../receipt-calls.ts';
import { notFound } from '../refusals.ts';
import { contextTooLong, planContext, promptOf } from '../runs/plan-context.ts';
import { contextOf, seenMessages } from '../runs/prepare-answer.ts';
import { contextWish, type RunContext } from '../runs/run-context.ts';
import type { EffectiveSettings } from '../settings/resolve-settings.ts';
import { settle, type SettingsSources } from '../settings/settings-calls.ts';
import { lensTokens } from './lens-tokens.ts';

const alternatives = 5;
/** Some 3,000 words: several times what an answer may have by default. */
const maxTokens = 4096;

type Opened = Pick<OpenedChat, 'chat' | 'messages'>;

export interface LensParts {
  context: RunContext;
  sources: SettingsSources;
}

export function createLensCalls(parts: LensParts): LensCalls {
  return {
    async lens(owner, { chatId, messageId }, signal = parts.context.closing) {
      const opened = await parts.context.store.openChat(owner, chatId);
      const message = opened?.messages.find(({ id }) => id === messageId);
      if (!opened || !message) throw notFound('message in this chat');
      checkMessage(message);
      const receipt = (await parts.context.store.listReceipts(owner, messageId)).at(-1);
      const question = receipt
        ? askedThen(opened, message, receipt)
        : await askedNow(parts, owner, { opened, message });
      return look(parts.context, { owner, message, question, signal });
    },
  };
}

function checkMessage({ role, state }: ChatMessage): void {
  if (role !== 'assistant') throw new AppError('bad-request', 'only answers were written by a model');
  if (state === 'running')
    throw new AppError('conflict', 'this answer is still being written', {
      hint: 'Look at its tokens when it is finished.',
    });
}

/** What the answer was, or would be, asked with. */
interface Question {
  model: string;
  contextTokens: number | null;
  adapters: readonly AdapterUse[];
  /** Hash of the weights then; null: not known. */
  sha256: string | null;
  basis: 'receipt' | 'now';
  promptFor: (engine: Engine, signal: AbortSignal) => Promise<Prompt>;
}

/** As the last run that wrote it was asked; what it went on from counts as the answer's own. */
function askedThen({ messages }: Opened, message: ChatMessage, receipt: Receipt): Question {
  const before = saidBefore(receipt, messages).filter(({ id }) => id !== message.id);
  return {
    model: receipt.model.reference,
    contextTokens: receipt.plan.contextTokens,
    adapters: receipt.adapters.map(({ id, scale }) => ({ id, scale })),
    sha256: receipt.model.sha256,
    basis: 'receipt',
    promptFor: async () => promptOf({ ...receipt, continueAnswer: false }, before),
  };
}

/** Imported and reworded answers, and those of temporary chats, have no receipt. */
async function askedNow(
  { sources }: LensParts,
  owner: string,
  { opened, message }: { opened: Opened; message: ChatMessage },
): Promise<Question> {
  const said = message.model === null ? {} : { model: message.model };
  const settings = await settle(sources, owner, { chat: opened.chat, message: said });
  const branch = branchTo(opened.messages, message.parentId);
  return {
    model: settings.model,
    contextTokens: settings.contextTokens,
    adapters: settings.adapters,
    sha256: null,
    basis: 'now',
    promptFor: (engine, signal) => plannedPrompt(engine, { settings, branch }, signal),
  };
}

async function plannedPrompt(
  engine: Engine,
  { settings, branch }: { settings: EffectiveSettings; branch: readonly ChatMessage[] },
  signal: AbortSignal,
): Promise<Prompt> {
  const request = {
    ...settings,
    branch,
    maxNewTokens: settings.sampling.maxNewTokens ?? 1,
    ...contextOf(engine, settings.contextTokens),
    continueAnswer: false,
  };
  const plan = await planContext(engine, request, signal);
  if (!plan.fits) throw contextTooLong(plan, request);
  return promptOf(request, seenMessages(plan, branch));
}

async function look(
  { models, engines, config }: RunContext,
  known: { owner: string; message: ChatMessage; question: Question; signal: AbortSignal },
): Promise<TokenLens> {
  const { owner, message, question, signal } = known;
  const { model, adapters, sha256 } = question;
  const source = await models.resolve(model, signal);
  const { engine, release } = await engines.acquire(
    source,
    contextWish(config, question.contextTokens),
    signal,
  );
  try {
    if (!engine.capabilities.score)
      throw new AppError(
        'unsupported-field',
        `the service behind ${model} does not tell the probabilities of a text that is already written`,
        { hint: 'Models on this machine do.' },
      );
    const prompt = await question.promptFor(engine, signal);
    const scored = await engine.score(
      { person: owner, prompt, text: message.content, alternatives, maxTokens, adapters, priority: 'side' },
      signal,
    );
    const isOther = source.kind === 'file' && sha256 !== null && source.sha256 !== sha256;
    return {
      model,
      basis: isOther ? 'other-weights' : question.basis,
      tokens: lensTokens(scored, message.content),
    };
  } finally {
    release();
  }
}
