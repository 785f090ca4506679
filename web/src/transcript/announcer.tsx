import { useEffect, useRef, useState } from 'react';
import type { ChatMessage } from '@corral/app/contracts/chats';
import { appearance } from '../state/appearance.ts';
import type { ChatSession } from '../state/chat-session.ts';
import { strings } from '../strings.ts';
import { useChat } from './use-message.ts';

function announcementOf(state: ChatMessage['state'] | undefined): string {
  if (state === 'stopped') return strings.transcript.announceStopped;
  return state === 'failed' ? strings.transcript.failed : strings.transcript.announceDone;
}

/** Tells screen readers that an answer begins and ends; never its words one by one. */
export function Announcer({ session }: { session: ChatSession }) {
  const runs = useChat(session, (state) => state.runIds);
  const [text, setText] = useState('');
  const before = useRef(runs);
  useEffect(() => {
    if (runs.length > 0 && before.current.length === 0) setText(strings.transcript.announceStart);
    if (runs.length === 0 && before.current.length > 0) {
      const message = session.writtenBy(before.current);
      const done = announcementOf(message?.state);
      setText(appearance.get().isReadAloud && message ? `${done}. ${message.content}` : done);
    }
    before.current = runs;
  }, [runs, session]);
  return (
    <div role="status" aria-live="polite" className="only-read-aloud">
      {text}
    </div>
  );
}
