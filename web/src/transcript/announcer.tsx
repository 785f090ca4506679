import { useEffect, useRef, useState } from 'react';
import type { ChatMessage } from '@corral/app/contracts/chats';
import { appearance } from '../state/appearance.ts';
import type { ChatSession } from '../state/chat-session.ts';
import { strings } from '../strings.ts';
import { useChat } from './use-message.ts';

function announcementOf(message: ChatMessage | undefined): string {
  if (message?.state === 'stopped') return strings.transcript.announceStopped;
  if (message?.state !== 'failed') return strings.transcript.announceDone;
  const reason = message.outcome?.error?.message;
  return [strings.transcript.failed, ...(reason ? [reason] : [])].join('. ');
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
      const done = announcementOf(message);
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
