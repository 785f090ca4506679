import { useEffect } from 'react';
import { Composer } from './composer/composer.tsx';
import { EmptyChat } from './empty-chat.tsx';
import { checkNewChat } from './state/drafts.ts';
import { usePlace } from './use-place.ts';

/** The chat that is not there yet. */
export function NewChatView() {
  usePlace(null);
  useEffect(() => void checkNewChat(), []);
  return (
    <>
      <EmptyChat />
      <Composer key="new" session={null} isRunning={false} isEmpty />
    </>
  );
}
