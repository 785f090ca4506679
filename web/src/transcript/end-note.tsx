import type { MessageView } from '../state/message-view.ts';
import { strings } from '../strings.ts';
import { Button } from '../ui/button.tsx';

type Message = MessageView['message'];

const noteOfState: Partial<Record<Message['state'], string>> = {
  stopped: strings.transcript.stopped,
  length: strings.transcript.cutAtLength,
};

const noteOfEmpty: Partial<Record<Message['state'], string>> = {
  complete: strings.transcript.emptyAnswer,
  stopped: strings.transcript.stopped,
  length: strings.transcript.emptyAtLength,
};

function noteOf({ outcome, state, content }: Message): string | null {
  if (outcome?.endReason === 'interrupted') return strings.transcript.interrupted;
  if (state === 'failed') return outcome?.error?.message ?? strings.transcript.failed;
  const noteOfEnd = content === '' ? noteOfEmpty : noteOfState;
  return noteOfEnd[state] ?? (outcome?.resumed ? strings.transcript.resumed : null);
}

const continued = new Set<Message['state']>(['stopped', 'length', 'failed']);

/** Nothing is there to go on with, and another try may bring something: after a stop nobody wants one. */
const isRetried = ({ state, content }: Message): boolean =>
  content === '' && (state === 'failed' || state === 'length');

export interface EndNoteProps {
  view: MessageView;
  /** What a failure is to screen readers, where it happens before one's eyes and nobody else tells of it. */
  failureRole?: 'alert';
  onContinue: () => void;
  onRetry: () => void;
}

/** How an answer ended where it did not simply end, with the one thing to do about it. */
export function EndNote({ view: { message }, failureRole, onContinue, onRetry }: EndNoteProps) {
  const note = noteOf(message);
  if (!note) return null;
  const isFailed = message.state === 'failed';
  const hint = isFailed ? message.outcome?.error?.hint : undefined;
  return (
    <div
      className="end-note"
      data-kind={isFailed ? 'problem' : 'note'}
      role={isFailed ? failureRole : undefined}
    >
      <div>
        {note}
        {hint && <div className="small soft">{hint}</div>}
      </div>
      {continued.has(message.state) && message.content !== '' && (
        <Button onClick={onContinue}>{strings.transcript.continue}</Button>
      )}
      {isRetried(message) && <Button onClick={onRetry}>{strings.retry}</Button>}
    </div>
  );
}
