import type { ContextPlan } from '@corral/app/contracts/runs';

export type TranscriptItem =
  | { kind: 'message'; key: string; id: string; isUnseen: boolean; isLast: boolean }
  | { kind: 'line'; key: string; tokens: number | null };

/** How many tokens the model no longer sees; null where the plan does not say. */
export function unseenTokens(plan: ContextPlan): number | null {
  const dropped = plan.messages.filter((message) => !message.seen);
  return dropped.length === 0 ? null : dropped.reduce((sum, message) => sum + message.tokens, 0);
}

/** The shown branch with the context line where it is true. */
export function transcriptItems(path: readonly string[], plan: ContextPlan | null): TranscriptItem[] {
  const dropped = new Set(plan?.droppedMessageIds);
  const lineBefore = plan && dropped.size > 0 ? plan.firstSeenMessageId : null;
  const lineAt = lineBefore ? path.indexOf(lineBefore) : -1;
  const items: TranscriptItem[] = [];
  path.forEach((id, index) => {
    if (plan && index === lineAt && index > 0)
      items.push({ kind: 'line', key: 'context-line', tokens: unseenTokens(plan) });
    items.push({
      kind: 'message',
      key: id,
      id,
      isUnseen: dropped.has(id),
      isLast: index === path.length - 1,
    });
  });
  return items;
}
