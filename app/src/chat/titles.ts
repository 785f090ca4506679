import { AppError } from '../contracts/app-error.ts';
import type { ChatMessage } from '../contracts/chats.ts';
import type { Engine } from '../engine/engine.ts';
import { tell } from './chat-calls.ts';
import { contextWish, type RunContext } from './runs/run-context.ts';
import { settle, type SettingsSources } from './settings/settings-calls.ts';
import { branchTo } from '../lib/message-tree.ts';

const mostTitleCharacters = 60;
/** Enough to know what it is about; a title must not read a book. */
const mostQuotedCharacters = 600;
const titleTokens = 20;
/** A model smaller than that (the bundled one is) says some words of the answer; the person's own say more. */
const leastParameters = 100_000_000;

/**
 * Names a chat after its first exchange, unless somebody did meanwhile. The model is asked at side priority and without
 * the chat's KV state, so nobody waits for a title. Where it is too small, or what it says is of no use, the person's
 * words stand in.
 */
export async function nameChat(
  context: RunContext,
  sources: SettingsSources,
  payload: Record<string, unknown>,
  signal: AbortSignal,
): Promise<void> {
  const { owner, chatId, messageId } = payload as { owner: string; chatId: string; messageId: string };
  const opened = await context.store.openChat(owner, chatId);
  if (!opened || opened.chat.titleSource !== 'none') return;
  const branch = branchTo(opened.messages, messageId);
  const question = branch.find((message) => message.role === 'user');
  const answer = branch.find((message) => message.role === 'assistant');
  if (!question) return;
  const settings = await settle(sources, owner, { chat: opened.chat, message: {} });
  const source = await context.models.resolve(answer?.model ?? settings.model, signal);
  // With the chat's own wish: any other would be a second copy of the model, which may drive the chat's out of memory.
  const wish = contextWish(context.config, settings.contextTokens);
  const lease = await context.engines.acquire(source, wish, signal);
  let said: string;
  try {
    const { parameters } = lease.engine.describe();
    // 0: a service does not say.
    const isTooSmall = parameters > 0 && parameters < leastParameters;
    said = isTooSmall ? '' : await askForTitle(lease.engine, { owner, question, answer }, signal);
  } finally {
    lease.release();
  }
  const title = cleanTitle(said) ?? titleFromWords(question.content);
  await keepTitle(context, { owner, chatId, title });
}

async function askForTitle(
  engine: Engine,
  about: { owner: string; question: ChatMessage; answer: ChatMessage | undefined },
  signal: AbortSignal,
): Promise<string> {
  const quoted = [`User: ${quote(about.question)}`, `Assistant: ${quote(about.answer)}`].join('\n');
  const content = `${quoted}\n\nGive this conversation a title of at most six words. Say the title only.`;
  let said = '';
  const parts = engine.generate(
    {
      id: `title.${about.question.id}`,
      person: about.owner,
      prompt: { kind: 'chat', messages: [{ role: 'user', content }] },
      sampling: { temperature: 0, maxNewTokens: titleTokens, seed: 0 },
      ephemeral: true,
      priority: 'side',
    },
    signal,
  );
  for await (const part of parts) {
    if (part.type === 'text-delta') said += part.text;
    if (part.type === 'end' && part.reason === 'aborted')
      throw new AppError('cancelled', 'naming the chat was stopped');
    if (part.type === 'end' && part.error) throw AppError.fromJSON(part.error);
  }
  return said;
}

function quote(message: ChatMessage | undefined): string {
  return withoutThought(message?.content ?? '')
    .slice(0, mostQuotedCharacters)
    .toWellFormed();
}

/** What a model thinks first, to its end or to where it was cut. */
const withoutThought = (text: string): string => text.replace(/^\s*<think>[\s\S]*?(<\/think>|$)/u, '');

const undecorated = (line: string): string => line.replace(/^[\s"'“”«»*#`_-]+|[\s"'“”«»*#`_.-]+$/gu, '');

/** The first line without decoration that announces nothing; null where that is no title. */
export function cleanTitle(said: string): string | null {
  const line = withoutThought(said)
    .split('\n')
    .map((candidate) => undecorated(undecorated(candidate).replace(/^(title|titel)\s*:\s*/iu, '')))
    .find((candidate) => candidate !== '' && !candidate.endsWith(':'));
  if (
    line === undefined ||
    !/\p{L}/u.test(line) ||
    /[\ufffd\p{Cc}]/u.test(line) ||
    line.split(/\s+/u).length > 12
  )
    return null;
  return shortened(line);
}

export function titleFromWords(content: string): string {
  return shortened(content.replace(/\s+/gu, ' ').trim());
}

function shortened(text: string): string {
  if (text.length <= mostTitleCharacters) return text;
  const cut = text.slice(0, mostTitleCharacters - 1).replace(/[\ud800-\udbff]$/u, '');
  const atWord = cut.replace(/\s+\S*$/u, '');
  return `${atWord.length > cut.length / 2 ? atWord : cut}…`;
}

async function keepTitle(
  context: RunContext,
  { owner, chatId, title }: { owner: string; chatId: string; title: string },
): Promise<void> {
  const chat = await context.store.getChat(owner, chatId);
  if (!chat || chat.titleSource !== 'none' || title === '') return;
  try {
    const named = await context.store.updateChat(owner, {
      chatId,
      version: chat.version,
      change: { title, titleSource: 'model' },
    });
    tell(context, owner, named, 'updated');
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'conflict') throw error;
    await keepTitle(context, { owner, chatId, title });
  }
}
