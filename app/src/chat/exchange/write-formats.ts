import type { Chat, ChatMessage } from '../../contracts/chats.ts';
import type { ExportedChat } from '../../store/exchange-store.ts';
import { cutText } from '../../lib/cut-text.ts';
import { branchTo } from '../../lib/message-tree.ts';
import { corralFormatVersion } from './read-corral.ts';

/** How one format is written, chat by chat, so that no more than one page of chats is in memory. */
export interface ExportWriter {
  extension: string;
  mediaType: string;
  before(now: number): string;
  chat(exported: ExportedChat, isFirst: boolean): string;
  after(): string;
}

export const exportWriters: Record<'json' | 'markdown' | 'sharegpt' | 'chat_history', ExportWriter> = {
  /** Everything, every branch and every receipt. */
  json: {
    extension: 'json',
    mediaType: 'application/json; charset=utf-8',
    before: (now) =>
      `{"format":"corral","version":${corralFormatVersion},"exportedAt":${JSON.stringify(new Date(now).toISOString())},"chats":[`,
    chat: (exported, isFirst) => `${isFirst ? '\n' : ',\n'}${JSON.stringify(exported)}`,
    after: () => '\n]}\n',
  },
  /** The shown branch of each chat, to read. */
  markdown: {
    extension: 'md',
    mediaType: 'text/markdown; charset=utf-8',
    before: () => '',
    chat: (exported, isFirst) => `${isFirst ? '' : '\n---\n\n'}${markdownOf(exported)}`,
    after: () => '',
  },
  /** One line a chat: `{"id", "conversations": [{"from", "value"}, …]}`, for training. */
  sharegpt: {
    extension: 'jsonl',
    mediaType: 'application/x-ndjson; charset=utf-8',
    before: () => '',
    chat: (exported) => `${JSON.stringify(shareGptOf(exported))}\n`,
    after: () => '',
  },
  /** `{chat id: [{"role", "content"}, …]}` */
  chat_history: {
    extension: 'json',
    mediaType: 'application/json; charset=utf-8',
    before: () => '{',
    chat: (exported, isFirst) =>
      `${isFirst ? '\n' : ',\n'}${JSON.stringify(exported.chat.id)}: ${JSON.stringify(historyOf(exported))}`,
    after: () => '\n}\n',
  },
};

function shownBranch({ chat, messages }: ExportedChat): ChatMessage[] {
  return branchTo(messages, chat.activeLeafId ?? messages.at(-1)?.id ?? null);
}

const speakers = { user: 'You', assistant: 'Assistant', system: 'System' } as const;

function markdownOf(exported: ExportedChat): string {
  const { chat } = exported;
  const parts = [`# ${titleOf(chat)}`];
  if (chat.settings.systemPrompt) parts.push('## System', chat.settings.systemPrompt);
  for (const message of shownBranch(exported)) {
    const model = message.role === 'assistant' && message.model !== null ? ` (${message.model})` : '';
    parts.push(`## ${speakers[message.role]}${model}`, message.content);
  }
  return `${parts.join('\n\n')}\n`;
}

const sources = { user: 'human', assistant: 'gpt', system: 'system' } as const;

function shareGptOf(exported: ExportedChat): object {
  const system = exported.chat.settings.systemPrompt;
  return {
    id: exported.chat.id,
    conversations: [
      ...(system ? [{ from: 'system', value: system }] : []),
      ...shownBranch(exported).map((message) => ({
        from: sources[message.role],
        value: message.content,
        ...(message.feedback === null
          ? {}
          : { rating: message.feedback.rating, reason: message.feedback.reason }),
      })),
    ],
  };
}

function historyOf(exported: ExportedChat): { role: string; content: string }[] {
  const system = exported.chat.settings.systemPrompt;
  return [
    ...(system ? [{ role: 'system', content: system }] : []),
    ...shownBranch(exported).map(({ role, content }) => ({ role, content })),
  ];
}

export function titleOf(chat: Chat): string {
  return chat.title === '' ? 'Untitled chat' : chat.title;
}

/** A name every file system takes. */
export function fileNameOf(title: string, extension: string): string {
  const words = title.normalize('NFC').match(/[\p{L}\p{N}][\p{L}\p{N}\p{M}]*/gu) ?? [];
  const plain = cutText(words.join('-'), 60).replace(/-$/u, '');
  return `${plain === '' ? 'chat' : plain}.${extension}`;
}
