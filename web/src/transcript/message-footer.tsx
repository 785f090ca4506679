import type { ReactNode } from 'react';
import { ChevronLeft, ChevronRight, Pin } from 'lucide-react';
import type { ChatSession } from '../state/chat-session.ts';
import { useTimeAgo } from '../state/clock.ts';
import { wantEnd } from '../state/end-wanted.ts';
import type { MessageView } from '../state/message-view.ts';
import { strings } from '../strings.ts';
import { attempt } from '../ui/problems.ts';
import { IconButton } from '../ui/icon-button.tsx';
import { exactTime } from '../ui/times.ts';

/** ‹1/2›: the other versions of a message. */
export function BranchSwitch({ session, view }: { session: ChatSession; view: MessageView }) {
  const { siblings, message } = view;
  if (siblings.length < 2) return null;
  const index = siblings.indexOf(message.id);
  const show = (step: number): void => {
    const next = siblings[index + step];
    if (!next) return;
    wantEnd();
    attempt(() => session.switchTo(next));
  };
  return (
    <span
      className="branches figures"
      role="group"
      aria-label={strings.transcript.version(index + 1, siblings.length)}
    >
      <IconButton label={strings.transcript.previous} disabled={index === 0} onClick={() => show(-1)}>
        <ChevronLeft />
      </IconButton>
      <span className="small soft" aria-hidden>
        {index + 1}/{siblings.length}
      </span>
      <IconButton
        label={strings.transcript.next}
        disabled={index === siblings.length - 1}
        onClick={() => show(1)}
      >
        <ChevronRight />
      </IconButton>
    </span>
  );
}

export function PinMark() {
  return (
    <span className="chip">
      <Pin size={12} aria-hidden /> {strings.transcript.isPinned}
    </span>
  );
}

function figures({ message }: MessageView): string[] {
  const { outcome } = message;
  const list: string[] = [];
  if (outcome?.usage) list.push(strings.tokens(outcome.usage.completionTokens));
  if (outcome?.tokensPerSecond) list.push(strings.tokensPerSecond(outcome.tokensPerSecond));
  if (outcome && outcome.firstTokenMs !== null)
    list.push(strings.transcript.firstToken(strings.seconds(outcome.firstTokenMs)));
  return list;
}

export function Figures({ view }: { view: MessageView }): ReactNode {
  const list = figures(view);
  const age = useTimeAgo(view.message.createdAt);
  return (
    <span className="figures small soft message__figures">
      <time
        dateTime={new Date(view.message.createdAt).toISOString()}
        data-tip={exactTime(view.message.createdAt)}
      >
        {age}
      </time>
      {list.map((text) => (
        <span key={text}>{text}</span>
      ))}
    </span>
  );
}
