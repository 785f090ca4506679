import { useState } from 'react';
import { useQuery } from '@tanstack/react-query';
import { runsApi } from '../api/chats.ts';
import { shownSession } from '../state/actions.ts';
import { viewStrings } from '../strings-views.ts';
import { Dialog } from '../ui/dialog.tsx';

const percent = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 1 });

/** Five shades are told apart; the exact share is beside it. */
function shade(logprob: number): number {
  return Math.min(4, Math.floor((1 - Math.exp(logprob)) * 5));
}

/** Each word of an answer with what else the model thought of. */
export function TokenLens({ messageId, onClose }: { messageId: string; onClose: () => void }) {
  const chatId = shownSession()?.id ?? '';
  const { data, error } = useQuery({
    queryKey: ['tokens', messageId],
    queryFn: () => runsApi.tokens(chatId, messageId),
  });
  const [chosen, setChosen] = useState(0);
  const token = data?.tokens[chosen];
  return (
    <Dialog title={viewStrings.lens.title} description={viewStrings.lens.why} kind="sheet" onClose={onClose}>
      {error && <p className="problem">{error.message}</p>}
      {!data && !error && <div className="woven woven--moving" />}
      {data && (
        <p className="lens" dir="auto">
          {data.tokens.slice(0, 2_000).map((entry, index) => (
            <button
              key={entry.offset}
              type="button"
              className="lens__token"
              data-shade={shade(entry.logprob)}
              aria-pressed={index === chosen}
              onClick={() => setChosen(index)}
            >
              {entry.text}
            </button>
          ))}
        </p>
      )}
      {token && (
        <ul className="lens__list" aria-live="polite">
          {token.top.map((entry) => (
            <li key={entry.id} className="lens__row" data-drawn={entry.id === token.id || undefined}>
              <code>{JSON.stringify(entry.text)}</code>
              <progress className="bar" max={1} value={Math.exp(entry.logprob)} aria-label={entry.text} />
              <span className="figures small">{percent.format(Math.exp(entry.logprob))}</span>
            </li>
          ))}
        </ul>
      )}
    </Dialog>
  );
}
