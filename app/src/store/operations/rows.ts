import type { Selectable } from 'kysely';
import type { Chat, ChatMessage, TrashEntry } from '../../contracts/chats.ts';
import type { Run } from '../../contracts/runs.ts';
import { fromJson, fromJsonOrNull } from '../json.ts';
import type { Job } from '../job-store.ts';
import type { OutboxEvent } from '../outbox-store.ts';
import type { RunRecord } from '../run-store.ts';
import type { ChatTable, JobTable, MessageTable, OutboxTable, RunTable, TrashTable } from '../schema.ts';

/** Rows to contracts. */
export function toChat(
  row: Selectable<ChatTable>,
  at: { messageCount: number; trashedAt: number | null; tags: string[] },
): Chat {
  return {
    id: row.id,
    title: row.title,
    titleSource: row.title_source as Chat['titleSource'],
    folder: row.folder,
    tags: at.tags,
    pinned: row.pinned === 1,
    temporary: false,
    settings: fromJson(row.settings_json),
    version: row.version,
    activeLeafId: row.active_leaf_id,
    messageCount: at.messageCount,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    trashedAt: at.trashedAt,
  };
}

export function toMessage(row: Selectable<MessageTable>): ChatMessage {
  return {
    id: row.id,
    chatId: row.chat_id,
    parentId: row.parent_id,
    role: row.role as ChatMessage['role'],
    content: row.content,
    state: row.state as ChatMessage['state'],
    runId: row.run_id,
    model: row.model,
    pinned: row.pinned === 1,
    feedback: fromJsonOrNull(row.feedback_json),
    outcome: fromJsonOrNull(row.outcome_json),
    version: row.version,
    createdAt: row.created_at,
  };
}

export function toRun(row: Selectable<RunTable>): Run {
  return {
    id: row.id,
    chatId: row.chat_id,
    messageId: row.message_id,
    phase: row.phase as Run['phase'],
    epoch: row.epoch,
    startOffset: row.start_offset,
    durableOffset: row.durable_offset,
    settings: fromJson(row.settings_json),
    endReason: row.end_reason as Run['endReason'],
    error: fromJsonOrNull(row.error_json),
    createdAt: row.created_at,
    endedAt: row.ended_at,
  };
}

export function toRunRecord(row: Selectable<RunTable>): RunRecord {
  return {
    ...toRun(row),
    owner: row.owner,
    state: fromJson(row.state_json),
    engineCrashes: row.engine_crashes,
    resumedAt: fromJson(row.resumed_at_json),
  };
}

export function toTrashEntry(row: Selectable<TrashTable>): TrashEntry {
  return {
    id: row.id,
    kind: row.kind as TrashEntry['kind'],
    chatId: row.chat_id,
    title: row.title,
    messageCount: row.message_count,
    trashedAt: row.trashed_at,
    purgeAt: row.purge_at,
  };
}

export function toOutboxEvent(row: Selectable<OutboxTable>): OutboxEvent {
  return {
    id: row.id,
    owner: row.owner,
    conversationId: row.conversation_id,
    body: row.body,
    createdAt: row.created_at,
    sequence: row.sequence,
    attempts: row.attempts,
    nextAttemptAt: row.next_attempt_at,
    lastError: row.last_error,
    state: row.state as OutboxEvent['state'],
  };
}

export function toJob(row: Selectable<JobTable>): Job {
  return {
    id: row.id,
    owner: row.owner,
    kind: row.kind,
    payload: fromJson(row.payload_json),
    key: row.key,
    state: row.state as Job['state'],
    attempts: row.attempts,
    progress: fromJsonOrNull(row.progress_json),
    error: fromJsonOrNull(row.error_json),
    createdAt: row.created_at,
    runAt: row.run_at,
    leasedBy: row.leased_by,
    leasedUntil: row.leased_until,
    finishedAt: row.finished_at,
  };
}
