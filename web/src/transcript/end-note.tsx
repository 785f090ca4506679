import type { MessageView } from '../state/message-view.ts';
import { strings } from '../strings.ts';
import { Button } from '../ui/button.tsx';

function noteOf({ message, live }: MessageView): string | null {
  if (live?.end?.reason === 'interrupted') return strings.transcript.interrupted;
  if (message.state === 'stopped') return strings.transcript.stopped;
  if (message.state === 'length') return strings.transcript.cutAtLength;
  if (message.state === 'failed') return live?.end?.error?.message ?? strings.transcript.failed;
  if (message.state === 'complete' && message.content === '') return strings.transcript.emptyAnswer;
  return live?.end?.isResumed ? strings.transcript.resumed : null;
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
  const { message, live } = view;
  const isFailed = message.state === 'failed';
  const mayContinue =
    (message.state === 'stopped' || message.state === 'length' || isFailed) && message.content !== '';
  const hint = isFailed ? live?.end?.error?.hint : undefined;
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
