import type { chatRoutes, messageRoutes } from '@corral/app/contracts/api/chats';
import type { RequestOf, ResponseOf } from '@corral/app/contracts/api/route';
import type { runRoutes, StartRun } from '@corral/app/contracts/api/runs';
import { randomId } from '../ui/browser.ts';
import { insistent, repeated } from './repeated.ts';
import { request } from './request.ts';

type Chats = typeof chatRoutes;
type Messages = typeof messageRoutes;
type Runs = typeof runRoutes;

const chat = (id: string): string => `/api/chats/${id}`;
const message = (id: string, messageId: string): string => `/api/chats/${id}/messages/${messageId}`;

export const chatsApi = {
  list: (query: { cursor?: string; limit?: number; folder?: string; tag?: string }, signal?: AbortSignal) =>
    request<ResponseOf<Chats['list']>>('GET', '/api/chats', { query, ...(signal ? { signal } : {}) }),
  create: (body: RequestOf<Chats['create']>) =>
    repeated(`create ${JSON.stringify(body)}`, (next) =>
      request<ResponseOf<Chats['create']>>('POST', '/api/chats', { body, ...next }),
    ),
  /** With `last` only the end of the shown branch, if there is more. */
  open: (id: string, query: { last?: number } = {}) =>
    request<ResponseOf<Chats['show']>>('GET', chat(id), { answerMs: 15_000, query }),
  /** Twice it makes what it makes once, or meets its own change as a conflict where it names a version. */
  update: (id: string, body: RequestOf<Chats['update']>, version?: number) =>
    insistent(JSON.stringify(body).length, (answerMs) =>
      request<ResponseOf<Chats['update']>>('PATCH', chat(id), {
        body,
        answerMs,
        ...(version === undefined ? {} : { version }),
      }),
    ),
  trash: (id: string) => request<ResponseOf<Chats['trash']>>('DELETE', chat(id)),
  duplicate: (id: string, upToMessageId?: string) =>
    request<ResponseOf<Chats['duplicate']>>('POST', `${chat(id)}/duplicate`, {
      body: upToMessageId ? { upToMessageId } : {},
      idempotencyKey: randomId(),
    }),
  clear: (id: string) => request<ResponseOf<Chats['clear']>>('POST', `${chat(id)}/clear`, {}),
  trashed: (query: { cursor?: string; limit?: number }) =>
    request<ResponseOf<Chats['trashed']>>('GET', '/api/trash', { query }),
  restore: (entryId: string) =>
    request<ResponseOf<Chats['restore']>>('POST', `/api/trash/${entryId}/restore`, {}),
  purge: (entryId: string) => request<void>('DELETE', `/api/trash/${entryId}`),
  erase: (id: string) => request<void>('DELETE', chat(id), { query: { erase: 1 } }),
  eraseAll: () =>
    request<ResponseOf<Chats['eraseAll']>>('POST', '/api/erase', { body: { confirm: 'erase everything' } }),
  search: (query: { q: string; limit: number }, signal: AbortSignal) =>
    request<ResponseOf<Chats['search']>>('GET', '/api/search', { query, signal }),
};

export const messagesApi = {
  edit: (id: string, messageId: string, body: RequestOf<Messages['edit']>) =>
    request<ResponseOf<Messages['edit']>>('POST', `${message(id, messageId)}/edit`, { body }),
  tokens: (id: string, messageId: string, signal: AbortSignal) =>
    request<ResponseOf<Messages['tokens']>>('GET', `${message(id, messageId)}/tokens`, { signal }),
  update: (id: string, messageId: string, body: RequestOf<Messages['update']>) =>
    request<ResponseOf<Messages['update']>>('PATCH', message(id, messageId), { body }),
  trash: (id: string, messageId: string) =>
    request<ResponseOf<Messages['trash']>>('DELETE', message(id, messageId)),
};

export const runsApi = {
  /** `leafId` is what it follows: the same message after another one is another message, unless it has the same key. */
  start: (chatId: string, body: StartRun, leafId: string | null, key?: string) =>
    repeated(
      `run ${chatId} ${leafId} ${JSON.stringify(body)}`,
      (next) => request<ResponseOf<Runs['start']>>('POST', `${chat(chatId)}/runs`, { body, ...next }),
      key,
    ),
  active: () => request<ResponseOf<Runs['list']>>('GET', '/api/runs', { query: { active: 1 } }),
  show: (runId: string) => request<ResponseOf<Runs['show']>>('GET', `/api/runs/${runId}`),
  stop: (runId: string) => request<void>('DELETE', `/api/runs/${runId}`),
  count: (chatId: string, body: RequestOf<Runs['count']>, signal: AbortSignal) =>
    request<ResponseOf<Runs['count']>>('POST', `${chat(chatId)}/count`, { body, signal }),
  /** Of the first message of a chat that is not there yet. */
  countNew: (body: RequestOf<Runs['countNew']>, signal: AbortSignal) =>
    request<ResponseOf<Runs['countNew']>>('POST', '/api/count', { body, signal }),
  receipt: (runId: string) => request<ResponseOf<Runs['receipt']>>('GET', `/api/runs/${runId}/receipt`),
  prompt: (runId: string) => request<ResponseOf<Runs['prompt']>>('GET', `/api/runs/${runId}/prompt`),
  replay: (runId: string) => request<ResponseOf<Runs['replay']>>('POST', `/api/runs/${runId}/replay`, {}),
};
