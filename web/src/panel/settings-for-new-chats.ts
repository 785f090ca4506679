import type { ChatSettings } from '@corral/app/contracts/chats';

type Sampling = NonNullable<ChatSettings['sampling']>;

/** What is sampled by one of these is not sampled by the other: a new word for one takes back the older one. */
const exclusive: readonly [keyof Sampling, keyof Sampling][] = [
  ['grammar', 'jsonSchema'],
  ['jsonSchema', 'grammar'],
];

function sampledBy(before: Sampling, own: Sampling): Sampling {
  const kept = { ...before };
  for (const [said, excluded] of exclusive) if (own[said] !== undefined) delete kept[excluded];
  return { ...kept, ...own };
}

/** A person's settings for new chats with those of one chat added: what the chat does not say stays, value by value. */
export function addedTo(before: ChatSettings, own: ChatSettings): ChatSettings {
  if (!own.sampling) return { ...before, ...own };
  return { ...before, ...own, sampling: sampledBy(before.sampling ?? {}, own.sampling) };
}
