import { useEffect, useRef, useState } from 'react';
import { appearance } from '../state/appearance.ts';
import type { ChatSession } from '../state/chat-session.ts';
import { strings } from '../strings.ts';
import { useChat } from './use-message.ts';

/** Tells screen readers that an answer begins and ends; never its words one by one. */
export function Announcer({ session }: { session: ChatSession }) {
  const runs = useChat(session, (state) => state.runIds.length);
  const [text, setText] = useState('');
  const before = useRef(runs);
  useEffect(() => {
    if (runs > 0 && before.current === 0) setText(strings.transcript.announceStart);
    if (runs === 0 && before.current > 0) {
      const leaf = session.state.get().path.at(-1);
      const message = leaf ? session.message(leaf) : undefined;
      const done =
        message?.state === 'stopped' ? strings.transcript.announceStopped : strings.transcript.announceDone;
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
