import type { AnswerOutcome } from '../../contracts/chats.ts';
import type { Receipt } from '../../contracts/runs.ts';
import type { ModelSource } from '../../engine/engine.ts';
import type { AnswerEnd, AnswerFacts } from './answer-facts.ts';
import type { LiveRun } from './live-run.ts';
import { answerState } from './run-context.ts';

/** Null where the run ended before a model was loaded and its context planned: nothing was sent. */
export function receiptOf(
  live: LiveRun,
  known: { end: AnswerEnd; facts: AnswerFacts; now: number },
): Receipt | null {
  const { end, facts, now } = known;
  const { settings, plan } = answerState(live);
  const { source, description } = facts;
  if (!source || !description || !plan) return null;
  const template = facts.template ?? description.template;
  return {
    runId: live.id,
    chatId: live.chatId,
    messageId: live.messageId,
    createdAt: now,
    model: {
      reference: settings.model,
      id: source.id,
      kind: source.kind,
      sha256: source.kind === 'file' ? source.sha256 : null,
      name: description.name,
      architecture: description.architecture,
    },
    adapters: settings.adapters.map((use) => ({ ...use, sha256: adapterHash(source, use.id) })),
    engineRelease: description.engineRelease,
    device: description.device,
    template: { source: template.source, name: template.name, hash: template.hash },
    format: settings.format,
    systemPrompt: settings.systemPrompt,
    plan,
    sampling: settings.sampling,
    ignoredSampling: ignoredSampling(settings.sampling, facts),
    promptIdsHash: facts.promptIdsHash,
    startOffset: live.startOffset,
    endOffset: live.text.length,
    endReason: end.reason,
    stopString: end.stopString ?? null,
    error: end.error ?? null,
    usage: facts.usage,
    timings: facts.timings,
    resumedAt: live.record.resumedAt,
  };
}

function adapterHash(source: ModelSource, id: string): string | null {
  if (source.kind !== 'file') return null;
  return source.adapters.find((adapter) => adapter.id === id)?.sha256 ?? null;
}

export function ignoredSampling(
  sampling: object,
  { capabilities }: Pick<AnswerFacts, 'capabilities'>,
): string[] {
  const used = new Set<string>(capabilities?.sampling ?? []);
  return Object.keys(sampling).filter((name) => !used.has(name));
}

export function outcomeOf(live: LiveRun, end: AnswerEnd, facts: AnswerFacts): AnswerOutcome {
  const { settings, plan } = answerState(live);
  return {
    endReason: end.reason,
    error: end.error ?? null,
    adapters: settings.adapters,
    usage: facts.usage,
    firstTokenMs: facts.timings?.firstTokenMs ?? null,
    tokensPerSecond: facts.timings?.tokensPerSecond ?? null,
    droppedMessages: plan?.droppedMessageIds.length ?? 0,
    resumed: live.record.resumedAt.length > 0,
  };
}
