import { AppError } from '../contracts/app-error.ts';
import type { ChatMessage } from '../contracts/chats.ts';
import type { Receipt } from '../contracts/runs.ts';
import type { Engine, Prompt, RenderedPrompt } from '../engine/engine.ts';
import type { ReceiptCalls, Replay } from './chats.ts';
import { promptOf } from './runs/plan-context.ts';
import { seenMessages } from './runs/prepare-answer.ts';
import { restOfAnswer } from './runs/rest-of-answer.ts';
import { contextWish, type RunContext } from './runs/run-context.ts';

export function createReceiptCalls(context: RunContext): ReceiptCalls {
  return {
    receipts: (owner, messageId) => context.store.listReceipts(owner, messageId),
    receipt: (owner, runId) => receiptOf(context, owner, runId),
    async prompt(owner, runId, signal = context.closing) {
      const asked = await askedThen(context, owner, runId);
      const lease = await engineFor(context, asked.receipt, signal);
      try {
        return await renderAgain(lease.engine, asked, signal);
      } finally {
        lease.release();
      }
    },
    replay: (owner, runId, signal) => replay(context, owner, { runId, signal }),
  };
}

async function receiptOf(context: RunContext, owner: string, runId: string): Promise<Receipt> {
  const receipt = await context.store.getReceipt(owner, runId);
  if (!receipt)
    throw new AppError('not-found', 'there is no receipt of this run', {
      hint: 'Temporary chats and answers that never reached a model have none.',
    });
  return receipt;
}

interface Asked {
  receipt: Receipt;
  prompt: Prompt;
  /** What this run wrote. */
  original: string;
  /** The beginning of it that its last prompt held, where it was interrupted. */
  written: string;
}

/** What was asked then, from the texts as the plan saw them. */
async function askedThen(context: RunContext, owner: string, runId: string): Promise<Asked> {
  const receipt = await receiptOf(context, owner, runId);
  const opened = await context.store.openChat(owner, receipt.chatId);
  const messages = opened?.messages ?? [];
  const answer = messages.find((message) => message.id === receipt.messageId);
  const seen = saidBefore(receipt, messages);
  if (!answer) throw deletedSince();
  return {
    receipt,
    prompt: promptFor(receipt, seen, answer),
    original: answer.content.slice(receipt.startOffset, receipt.endOffset),
    written: answer.content.slice(receipt.startOffset, resumePoint(receipt)),
  };
}

/** What the model was shown of the chat, each text as it was then; an answer that was gone on with is among it. */
export function saidBefore(
  { plan }: Receipt,
  messages: readonly ChatMessage[],
): Pick<ChatMessage, 'id' | 'role' | 'content'>[] {
  const known = new Set(messages.map((message) => message.id));
  const isMissing = plan.messages.some(
    ({ messageId, seen }) => seen && messageId !== null && !known.has(messageId),
  );
  if (isMissing) throw deletedSince();
  return seenMessages(plan, messages);
}

function deletedSince(): AppError {
  return new AppError('not-found', 'a message that the model saw then was deleted since', {
    hint: 'Bring it back from the trash to see the prompt again.',
  });
}

/** The first prompt of the run: a resumed one also saw its own beginning later. */
function promptFor(
  receipt: Receipt,
  seen: readonly Pick<ChatMessage, 'id' | 'role' | 'content'>[],
  answer: ChatMessage,
): Prompt {
  const before = seen.filter((message) => message.id !== answer.id);
  const begun = answer.content.slice(0, resumePoint(receipt));
  const own = begun === '' ? [] : [{ role: 'assistant' as const, content: begun }];
  return promptOf({ ...receipt, continueAnswer: own.length > 0 }, [...before, ...own]);
}

/** The hash is that of the last prompt sent: after a crash the one that held the text so far. */
function resumePoint(receipt: Receipt): number {
  return receipt.resumedAt.at(-1) ?? receipt.startOffset;
}

async function engineFor(
  context: RunContext,
  receipt: Receipt,
  signal: AbortSignal,
): Promise<{ engine: Engine; release: () => void }> {
  const source = await context.models.resolve(receipt.model.reference, signal);
  return context.engines.acquire(source, contextWish(context.config, receipt.plan.contextTokens), signal);
}

async function renderAgain(
  engine: Engine,
  { receipt, prompt }: Asked,
  signal: AbortSignal,
): Promise<RenderedPrompt & { matches: boolean | null }> {
  if (!engine.capabilities.render)
    throw new AppError('unsupported-field', 'the service that wrote this answer does not show its prompts');
  const rendered = await engine.render(prompt, signal);
  const matches = receipt.promptIdsHash === null ? null : receipt.promptIdsHash === rendered.idsHash;
  return { ...rendered, matches };
}

async function replay(
  context: RunContext,
  owner: string,
  { runId, signal }: { runId: string; signal: AbortSignal },
): Promise<Replay> {
  const asked = await askedThen(context, owner, runId);
  const { receipt } = asked;
  const isResumed = receipt.resumedAt.length > 0;
  const lease = await engineFor(context, receipt, signal);
  try {
    const rendered = lease.engine.capabilities.render ? await renderAgain(lease.engine, asked, signal) : null;
    const original = asked.original.slice(asked.written.length);
    const text = await sayAgain(lease.engine, { owner, runId, asked }, signal);
    const firstDifference = differenceOf(original, text, receipt.endReason === 'aborted');
    return {
      identical: firstDifference === null,
      original,
      text,
      firstDifference,
      changed: [
        ...changedSince(lease.engine, receipt, rendered),
        ...(rendered?.matches === false ? ['prompt'] : []),
        ...(isResumed ? ['resumed'] : []),
      ],
    };
  } finally {
    lease.release();
  }
}

async function sayAgain(
  engine: Engine,
  { owner, runId, asked }: { owner: string; runId: string; asked: Asked },
  signal: AbortSignal,
): Promise<string> {
  const { receipt, prompt } = asked;
  const rest = await restOfAnswer(engine, { ...receipt, written: asked.written });
  if ((rest.sampling.maxNewTokens ?? 1) < 1) return '';
  let text = '';
  const parts = engine.generate(
    {
      id: `replay.${runId}`,
      person: owner,
      prompt,
      ...rest,
      ...(receipt.adapters.length === 0
        ? {}
        : { adapters: receipt.adapters.map(({ id, scale }) => ({ id, scale })) }),
      ephemeral: true,
    },
    signal,
  );
  for await (const part of parts) {
    if (part.type === 'text-delta') text += part.text;
    if (part.type === 'end' && part.error) throw AppError.fromJSON(part.error);
    if (part.type === 'end' && part.reason === 'aborted')
      throw new AppError('cancelled', 'the replay was stopped');
  }
  return text;
}

/** An answer that somebody stopped is the same when what was written of it is. */
function differenceOf(original: string, text: string, wasStopped: boolean): number | null {
  const shared = Math.min(original.length, text.length);
  for (let index = 0; index < shared; index++) if (original[index] !== text[index]) return index;
  if (wasStopped && text.length >= original.length) return null;
  return original.length === text.length ? null : shared;
}

function changedSince(engine: Engine, receipt: Receipt, rendered: RenderedPrompt | null): string[] {
  const { source } = engine;
  const description = engine.describe();
  const changed: string[] = [];
  if (source.kind === 'file' && source.sha256 !== receipt.model.sha256) changed.push('model');
  const hashes = new Map(
    source.kind === 'file' ? source.adapters.map((adapter) => [adapter.id, adapter.sha256]) : [],
  );
  if (receipt.adapters.some(({ id, sha256 }) => (hashes.get(id) ?? null) !== sha256))
    changed.push('adapters');
  if (description.engineRelease !== receipt.engineRelease || description.device !== receipt.device)
    changed.push('engine');
  const { hash } = rendered?.template ?? description.template;
  if (hash !== receipt.template.hash) changed.push('template');
  return changed;
}
