import type { MessageView } from '../state/message-view.ts';
import { strings } from '../strings.ts';
import { Button } from '../ui/button.tsx';

function noteOf({ message }: MessageView): string | null {
  const { outcome, state } = message;
  if (outcome?.endReason === 'interrupted') return strings.transcript.interrupted;
  if (state === 'stopped') return strings.transcript.stopped;
  if (state === 'length') return strings.transcript.cutAtLength;
  if (state === 'failed') return outcome?.error?.message ?? strings.transcript.failed;
  if (state === 'complete' && message.content === '') return strings.transcript.emptyAnswer;
  return outcome?.resumed ? strings.transcript.resumed : null;
}

export interface EndNoteProps {
  view: MessageView;
  onContinue: () => void;
  onRetry: () => void;
}

/** How an answer ended where it did not simply end, with the one thing to do about it. */
export function EndNote({ view, onContinue, onRetry }: EndNoteProps) {
  const note = noteOf(view);
  if (!note) return null;
  const { message } = view;
  const isFailed = message.state === 'failed';
  const mayContinue =
    (message.state === 'stopped' || message.state === 'length' || isFailed) && message.content !== '';
  const hint = isFailed ? message.outcome?.error?.hint : undefined;
  return (
    <div className="end-note" data-kind={isFailed ? 'problem' : 'note'} role={isFailed ? 'alert' : undefined}>
      <div>
        {note}
        {hint && <div className="small soft">{hint}</div>}
      </div>
      {mayContinue && <Button onClick={onContinue}>{strings.transcript.continue}</Button>}
      {isFailed && message.content === '' && <Button onClick={onRetry}>{strings.retry}</Button>}
    </div>
  );
}
