import { AppError } from '../../contracts/app-error.ts';
import { importableFiles, type ExportFormat, type ImportResult } from '../../contracts/api/transfer.ts';
import type { ExportedChat } from '../../store/exchange-store.ts';
import type { Store } from '../../store/store.ts';
import { tell } from '../chat-calls.ts';
import type { ExchangeCalls, ExportedFile } from '../chats.ts';
import { notFound } from '../refusals.ts';
import type { RunContext } from '../runs/run-context.ts';
import {
  mostConversations,
  type Conversation,
  reasonToSkip,
  toImportedChat,
  type ParsedImport,
} from './imported-conversation.ts';
import { readChatGpt } from './read-chatgpt.ts';
import { readChatHistory } from './read-chat-history.ts';
import { readOpenWebUi } from './read-open-webui.ts';
import { readCorral } from './read-corral.ts';
import { exportWriters, fileNameOf, titleOf } from './write-formats.ts';

/** Chats in one transaction: few enough that nobody waits for it. */
const batchSize = 100;

export function createExchangeCalls(context: RunContext, store: Store): ExchangeCalls {
  return {
    import: (owner, data) => importChats(context, store, { owner, data }),
    async export(owner, { format, chatId, messageId }) {
      if (chatId === undefined) return exportAll(context, store, { owner, format });
      const exported = await oneChat(context, owner, chatId);
      if (messageId === undefined) return fileOf(context, format, exported);
      return messageFile(context, { format, exported, messageId });
    },
  };
}

async function importChats(
  context: RunContext,
  store: Store,
  { owner, data }: { owner: string; data: unknown },
): Promise<ImportResult> {
  const parsed = readAny(parsedJson(data));
  const result: ImportResult = {
    format: parsed.format,
    chats: 0,
    messages: 0,
    chatIds: [],
    passedOver: 0,
    skipped: parsed.skipped,
  };
  const good: Conversation[] = [];
  for (const { index, conversation } of parsed.conversations) {
    const reason = reasonToSkip(conversation);
    if (reason !== null) {
      result.skipped.push({ index, reason });
      continue;
    }
    good.push(conversation);
    for (const left of conversation.origin?.unreadable ?? []) result.skipped.push({ index, reason: left });
  }
  for (let start = 0; start < good.length; start += batchSize) {
    const now = context.clock.now();
    const batch = good.slice(start, start + batchSize).map((one) => toImportedChat(one, parsed.format, now));
    const { chatIds, passedOver } = await store.importChats(owner, batch);
    const taken = new Set(chatIds);
    result.chatIds.push(...chatIds);
    result.passedOver += passedOver;
    for (const one of batch) if (taken.has(one.chat.id)) result.messages += one.messages.length;
    for (const id of chatIds) tell(context, owner, { id, version: 1 }, 'created');
  }
  result.chats = result.chatIds.length;
  return result;
}

function parsedJson(data: unknown): unknown {
  if (typeof data !== 'string') return data;
  try {
    return JSON.parse(data.replace(/^\uFEFF/u, '')) as unknown;
  } catch (cause) {
    throw new AppError('file-invalid', 'the file is not JSON', {
      hint: importableFiles,
      cause,
    });
  }
}

function readAny(data: unknown): ParsedImport {
  const parsed = readCorral(data) ?? readChatGpt(data) ?? readOpenWebUi(data) ?? readChatHistory(data);
  if (!parsed)
    throw new AppError('file-invalid', 'the file is none of the formats that can be imported', {
      hint: importableFiles,
    });
  if (parsed.conversations.length > mostConversations)
    throw new AppError(
      'file-invalid',
      `the file holds ${parsed.conversations.length} chats; at most ${mostConversations} are taken`,
    );
  return parsed;
}

async function oneChat(context: RunContext, owner: string, chatId: string): Promise<ExportedChat> {
  const opened = await context.store.openChat(owner, chatId);
  if (!opened) throw notFound('chat');
  const receipts = [];
  for (const message of opened.messages)
    if (message.runId !== null) receipts.push(...(await context.store.listReceipts(owner, message.id)));
  return { chat: opened.chat, messages: opened.messages, receipts };
}

function fileOf(context: RunContext, format: ExportFormat, exported: ExportedChat): ExportedFile {
  const writer = exportWriters[format];
  async function* chunks(): AsyncIterable<string> {
    yield writer.before(context.clock.now());
    yield writer.chat(exported, true);
    yield writer.after();
  }
  return {
    fileName: fileNameOf(titleOf(exported.chat), writer.extension),
    mediaType: writer.mediaType,
    chunks: chunks(),
  };
}

function exportAll(
  context: RunContext,
  store: Store,
  { owner, format }: { owner: string; format: ExportFormat },
): ExportedFile {
  const writer = exportWriters[format];
  async function* chunks(): AsyncIterable<string> {
    yield writer.before(context.clock.now());
    let isFirst = true;
    for (let cursor: string | null | undefined; cursor !== null;) {
      const page = await store.exportChats(owner, { limit: batchSize, cursor: cursor ?? null });
      for (const exported of page.items) {
        yield writer.chat(exported, isFirst);
        isFirst = false;
      }
      cursor = page.cursor;
    }
    yield writer.after();
  }
  const day = new Date(context.clock.now()).toISOString().slice(0, 10);
  const name = format === 'chat_history' ? 'chat_history' : `corral-${day}`;
  return { fileName: `${name}.${writer.extension}`, mediaType: writer.mediaType, chunks: chunks() };
}

/** One message alone; as Markdown its text and nothing else. */
function messageFile(
  context: RunContext,
  { format, exported, messageId }: { format: ExportFormat; exported: ExportedChat; messageId: string },
): ExportedFile {
  const message = exported.messages.find((candidate) => candidate.id === messageId);
  if (!message) throw notFound('message in this chat');
  const alone: ExportedChat = {
    chat: { ...exported.chat, activeLeafId: message.id },
    messages: [{ ...message, parentId: null }],
    receipts: exported.receipts.filter((receipt) => receipt.messageId === messageId),
  };
  if (format !== 'markdown') return fileOf(context, format, alone);
  async function* chunks(): AsyncIterable<string> {
    yield `${message?.content ?? ''}\n`;
  }
  return { ...fileOf(context, format, alone), chunks: chunks() };
}
