import { useEffect, useLayoutEffect } from 'react';
import { Composer } from './composer/composer.tsx';
import { EmptyChat } from './empty-chat.tsx';
import { markRead } from './state/activity.ts';
import { startNewChat } from './state/actions.ts';
import type { ChatSession, ChatState } from './state/chat-session.ts';
import { isEmptyDraft } from './state/draft.ts';
import { draftOf } from './state/drafts.ts';
import { findState } from './state/overlays.ts';
import { forgetReturn, goTo, isReturn } from './state/route.ts';
import { takeAlong } from './state/sending.ts';
import { sessionOf } from './state/sessions.ts';
import { useSelected } from './state/store.ts';
import { strings } from './strings.ts';
import { Announcer } from './transcript/announcer.tsx';
import { Transcript } from './transcript/transcript.tsx';
import { useChat } from './transcript/use-message.ts';
import { Button } from './ui/button.tsx';
import { later } from './ui/later.tsx';
import { usePlace } from './use-place.ts';

const FindBar = later(() => import('./transcript/find-bar.tsx').then((module) => module.FindBar));

function useReading(chatId: string): void {
  useEffect(() => {
    const read = (): void => {
      if (!document.hidden) markRead(chatId);
    };
    read();
    document.addEventListener('visibilitychange', read);
    return () => document.removeEventListener('visibilitychange', read);
  }, [chatId]);
}

/** Where the page came back to a chat that is gone there is nothing to say, except to who has begun to write in it. */
function useReturn(chatId: string, status: ChatState['status']): void {
  useLayoutEffect(() => {
    if (status === 'ready') forgetReturn();
    if (status === 'missing' && isReturn(chatId) && isEmptyDraft(draftOf(chatId).get()))
      goTo({ view: 'new' }, true);
  }, [chatId, status]);
}

function Missing({ session }: { session: ChatSession }) {
  const hasWords = useSelected(draftOf(session.id), (draft) => !isEmptyDraft(draft));
  const start = (): void => {
    takeAlong(session);
    startNewChat();
  };
  return (
    <>
      <p>{strings.shell.notFound}</p>
      {hasWords && <p className="soft">{strings.shell.wordsGoAlong}</p>}
      <Button onClick={start}>{strings.shell.newChat}</Button>
    </>
  );
}

function Failed({ session }: { session: ChatSession }) {
  const error = useChat(session, (state) => state.error);
  return (
    <>
      <p>{error?.message ?? strings.shell.offline}</p>
      <Button onClick={() => void session.load()}>{strings.retry}</Button>
    </>
  );
}

function Unavailable({ session, isMissing }: { session: ChatSession; isMissing: boolean }) {
  return (
    <div className="notice-page" role="alert">
      <div className="woven" />
      {isMissing ? <Missing session={session} /> : <Failed session={session} />}
    </div>
  );
}

function ChatBody({ session }: { session: ChatSession }) {
  const status = useChat(session, (state) => state.status);
  const isEmpty = useChat(session, (state) => state.path.length === 0);
  // Below it one can go on writing, to send it when the server is back.
  if (status === 'failed') return <Unavailable session={session} isMissing={false} />;
  if (status === 'loading')
    return (
      <div className="transcript" aria-busy>
        <div className="woven woven--moving loading-line" role="progressbar" aria-label={strings.loading} />
      </div>
    );
  return isEmpty ? <EmptyChat /> : <Transcript key={`transcript-${session.id}`} session={session} />;
}

export function ChatView({ chatId }: { chatId: string }) {
  const session = sessionOf(chatId);
  const status = useChat(session, (state) => state.status);
  const isEmpty = useChat(session, (state) => state.path.length === 0);
  const isRunning = useChat(session, (state) => state.runIds.length > 0);
  const title = useChat(session, (state) => state.chat?.title || strings.sidebar.untitled);
  // Nobody comes back to a temporary chat.
  const place = useChat(session, ({ chat }) => (chat?.temporary ? null : chat?.id));
  const isFinding = useSelected(findState, (state) => state.isOpen);
  useReading(chatId);
  usePlace(place);
  useReturn(chatId, status);
  if (status === 'missing') return <Unavailable session={session} isMissing />;
  return (
    <>
      <h1 className="only-read-aloud">{title}</h1>
      {isFinding && <FindBar session={session} />}
      <ChatBody session={session} />
      <Composer key={`composer-${chatId}`} session={session} isRunning={isRunning} isEmpty={isEmpty} />
      <Announcer key={`announcer-${chatId}`} session={session} />
    </>
  );
}
