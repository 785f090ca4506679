import type { SubmitEvent } from 'react';
import type { ChatMessage } from '@corral/app/contracts/chats';
import { ThumbsDown, ThumbsUp } from 'lucide-react';
import type { ChatSession } from '../state/chat-session.ts';
import { strings } from '../strings.ts';
import { fieldKeys } from '../ui/field-keys.ts';
import { focusAtMount } from '../ui/focus-at-mount.ts';
import { FormButtons } from '../ui/form-buttons.tsx';
import { formText } from '../ui/form-text.ts';
import { IconButton } from '../ui/icon-button.tsx';
import { attempt } from '../ui/problems.ts';

export interface FeedbackProps {
  session: ChatSession;
  message: ChatMessage;
  onAskReason: (isAsking: boolean) => void;
}

/** Thumbs; pressing the one that is given takes it back. */
export function Feedback({ session, message, onAskReason }: FeedbackProps) {
  const given = message.feedback?.rating;
  const rate = (rating: 'up' | 'down'): void => {
    const isTaken = given === rating;
    onAskReason(rating === 'down' && !isTaken);
    attempt(() => session.updateMessage(message.id, { feedback: isTaken ? null : { rating, reason: null } }));
  };
  return (
    <>
      <IconButton label={strings.transcript.good} isPressed={given === 'up'} onClick={() => rate('up')}>
        <ThumbsUp />
      </IconButton>
      <IconButton label={strings.transcript.bad} isPressed={given === 'down'} onClick={() => rate('down')}>
        <ThumbsDown />
      </IconButton>
    </>
  );
}

export interface FeedbackReasonProps {
  session: ChatSession;
  message: ChatMessage;
  onDone: () => void;
}

/** Asked for once a thumb is down, which counts without a reason as well. */
export function FeedbackReason({ session, message, onDone }: FeedbackReasonProps) {
  const submit = (event: SubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const reason = formText(new FormData(event.currentTarget), 'reason');
    onDone();
    if (reason !== '')
      attempt(() => session.updateMessage(message.id, { feedback: { rating: 'down', reason } }));
  };
  return (
    <form className="feedback-reason" onSubmit={submit}>
      <input
        name="reason"
        className="field"
        dir="auto"
        aria-label={strings.transcript.feedbackWhy}
        placeholder={strings.transcript.feedbackWhy}
        maxLength={2_000}
        ref={focusAtMount}
        {...fieldKeys({ onEscape: onDone })}
      />
      <FormButtons submit={strings.save} onCancel={onDone} />
    </form>
  );
}
