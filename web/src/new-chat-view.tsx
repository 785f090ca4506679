import { Composer } from './composer/composer.tsx';
import { EmptyChat } from './empty-chat.tsx';

/** The chat that is not there yet. */
export function NewChatView() {
  return (
    <>
      <EmptyChat />
      <Composer key="new" session={null} isRunning={false} isEmpty />
    </>
  );
}
