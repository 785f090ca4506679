import { FastForward } from 'lucide-react';
import { useModels, useProviders } from '../api/queries.ts';
import { startRun } from '../state/actions.ts';
import type { ChatSession } from '../state/chat-session.ts';
import type { MessageView } from '../state/message-view.ts';
import { useAnsweringModel } from '../state/use-settings.ts';
import { strings } from '../strings.ts';
import type { MenuEntry } from '../ui/menu.tsx';

/** Models of this machine go on with any text; of the services elsewhere some begin another answer. */
function useGoesOn(model: string | null): boolean {
  const listed = useModels().data?.models.find(({ id }) => id === model);
  const isRemote = listed?.kind === 'remote';
  const providers = useProviders(isRemote).data?.providers ?? [];
  if (!isRemote) return true;
  const provider = providers.find(({ name }) => name === listed.provider);
  return provider?.capabilities?.continueAnswer ?? false;
}

/**
 * Going on with an answer that is complete; one that broke off offers it below its text. Only the last one of what is
 * shown: others have been answered as they are.
 */
export function useContinueItems(
  session: ChatSession,
  { message }: MessageView,
  isLast: boolean,
): MenuEntry[] {
  // Whoever wrote it, the model of the chat is who goes on.
  const goesOn = useGoesOn(useAnsweringModel());
  if (!isLast || !goesOn || message.state !== 'complete' || message.content === '') return [];
  return [
    {
      label: strings.transcript.continue,
      icon: <FastForward />,
      onSelect: () => startRun(session, { input: { kind: 'continue', messageId: message.id } }),
    },
  ];
}
