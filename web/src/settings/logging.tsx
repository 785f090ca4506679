import { invalidate, keys, useDeadLetters, useLog } from '../api/queries.ts';
import { logApi } from '../api/resources.ts';
import { clock } from '../state/clock.ts';
import { useStore } from '../state/store.ts';
import { strings } from '../strings.ts';
import { viewStrings } from '../strings-views.ts';
import { Button } from '../ui/button.tsx';
import { attempt } from '../ui/problems.ts';
import { bytes, exactTime, timeAgo } from '../ui/times.ts';

const words = viewStrings.settings;

function replay(ids?: string[]): void {
  attempt(async () => {
    await logApi.replay(ids);
    invalidate(keys.log);
  });
}

function DeadLetters() {
  const events = useDeadLetters().data?.events ?? [];
  if (events.length === 0) return null;
  return (
    <div className="view__section">
      <h3>{words.dead}</h3>
      <ul className="picks">
        {events.map((event) => (
          <li key={event.id} className="pick">
            <div className="pick__text">
              <span className="pick__title small">{event.conversationId}</span>
              <span className="small soft figures">
                {exactTime(event.createdAt)}, {bytes(event.sizeBytes)}, {words.attempts(event.attempts)}
              </span>
              {event.lastError && <span className="small problem">{event.lastError}</span>}
            </div>
            <Button onClick={() => replay([event.id])}>{words.replay}</Button>
          </li>
        ))}
      </ul>
      <Button onClick={() => replay()}>{words.replayAll}</Button>
    </div>
  );
}

/** What is sent where, and whether it arrives. */
export function Logging() {
  const { data: log, error } = useLog();
  // The last delivery becomes older.
  useStore(clock);
  if (error) return <p className="problem">{error.message}</p>;
  if (!log) return <div className="woven woven--moving" />;
  if (log.mode === 'off') return <p>{words.loggingOff}</p>;
  const rows: [string, string][] = [
    [words.waiting, `${strings.number(log.pending)}, ${bytes(log.pendingBytes)}`],
    [words.delivered, strings.number(log.delivered)],
    [words.dead, strings.number(log.dead)],
    [words.dropped, strings.number(log.dropped)],
    [words.lastDelivery, log.lastDeliveredAt === null ? words.never : timeAgo(log.lastDeliveredAt)],
    [words.signed, log.signed ? words.yes : words.no],
  ];
  return (
    <>
      <p>{words.loggingOn(log.host ?? '')}</p>
      <p className="soft">{log.mode === 'full' ? words.loggingWhat : words.loggingMetadata}</p>
      {log.disabled && (
        <div className="card__row">
          <p role="alert" className="problem">
            {log.disabled.reason}
          </p>
          <Button onClick={() => replay()}>{words.deliverAgain}</Button>
        </div>
      )}
      <dl className="facts">
        {rows.map(([label, value]) => (
          <div key={label} className="facts__row">
            <dt className="soft">{label}</dt>
            <dd className="figures">{value}</dd>
          </div>
        ))}
        {log.lastError && (
          <div className="facts__row">
            <dt className="soft">{words.lastError}</dt>
            <dd>{log.lastError}</dd>
          </div>
        )}
      </dl>
      <DeadLetters />
    </>
  );
}
