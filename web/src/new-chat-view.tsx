import { useEffect } from 'react';
import { Composer } from './composer/composer.tsx';
import { EmptyChat } from './empty-chat.tsx';
import { inheritModel } from './state/new-chat.ts';
import { usePlace } from './use-place.ts';

/** The chat that is not there yet. */
export function NewChatView() {
  usePlace(null);
  useEffect(inheritModel, []);
  return (
    <>
      <EmptyChat />
      <Composer key="new" session={null} isRunning={false} isEmpty />
    </>
  );
}
