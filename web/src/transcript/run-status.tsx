import { useEffect, useState } from 'react';
import type { LiveView } from '../state/live-run.ts';
import { strings } from '../strings.ts';
import { duration } from '../ui/times.ts';

function promptText(live: LiveView): string {
  const { prompt } = live;
  if (!prompt || prompt.total === 0) return strings.transcript.writing;
  const remembered = prompt.cached > 0 ? `, ${strings.transcript.remembered(prompt.cached)}` : '';
  return strings.transcript.reading(prompt.processed, prompt.total) + remembered;
}

function queueText(live: LiveView): string {
  if (!live.queue) return strings.transcript.accepted;
  const { position, etaMs } = live.queue;
  const eta = etaMs === null ? '' : `, ${strings.transcript.queuedEta(duration(etaMs / 1_000))}`;
  return strings.transcript.queued(position) + eta;
}

function statusText(live: LiveView): string {
  switch (live.phase) {
    case 'accepted':
      return strings.transcript.accepted;
    case 'loading':
      return strings.transcript.loadingModel(Math.round((live.loadProgress ?? 0) * 100));
    case 'planning':
      return strings.transcript.planning;
    case 'queued':
      return queueText(live);
    case 'streaming':
      return promptText(live);
    case 'ended':
      return '';
  }
}

function share(live: LiveView): number | null {
  if (live.phase === 'loading') return live.loadProgress;
  if (live.phase !== 'streaming' || !live.prompt || live.prompt.total === 0) return null;
  return live.prompt.processed / live.prompt.total;
}

/** What happens before the first word: nobody should wonder whether anything does. */
export function RunStatus({ live }: { live: LiveView }) {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    const timer = setInterval(
      () => setSeconds(Math.floor((performance.now() - live.startedAt) / 1_000)),
      1_000,
    );
    return () => clearInterval(timer);
  }, [live.startedAt]);
  const progress = share(live);
  return (
    <div className="run-status">
      <div className="run-status__line soft figures">
        <span>{live.isStopping ? strings.composer.stopping : statusText(live)}</span>
        {seconds > 1 && <span className="small">{strings.seconds(seconds * 1_000)}</span>}
      </div>
      {progress === null ? (
        <div className="woven woven--moving run-status__woven" />
      ) : (
        <progress className="bar" value={progress} max={1} aria-label={statusText(live)} />
      )}
    </div>
  );
}
