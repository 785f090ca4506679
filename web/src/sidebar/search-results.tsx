import type { SearchHit } from '@corral/app/contracts/chats';
import { useTimeAgo } from '../state/clock.ts';
import { closeDrawer } from '../state/layout.ts';
import { followAgain, hashOf } from '../state/route.ts';
import { strings } from '../strings.ts';
import { exactTime } from '../ui/times.ts';
import { NotLoaded } from './not-loaded.tsx';
import { maxHits, useSearch } from './use-search.ts';

/** Everything that was ever said and matches; excerpts come in pieces, never as HTML. */
export function SearchResults({ query }: { query: string }) {
  const { data, isLoadingError, error, refetch } = useSearch(query);
  const hits = data?.hits ?? [];
  if (data && hits.length === 0)
    return <p className="sidebar__note soft">{strings.sidebar.noMatches(query)}</p>;
  if (isLoadingError) return <NotLoaded error={error} onRetry={() => void refetch()} />;
  return (
    <>
      <ul className="hits" aria-label={strings.sidebar.searchAll}>
        {hits.map((hit) => (
          <li key={`${hit.chatId}${hit.messageId}`}>
            <Hit hit={hit} />
          </li>
        ))}
      </ul>
      {hits.length === maxHits && <p className="sidebar__note soft">{strings.sidebar.bestHits(maxHits)}</p>}
    </>
  );
}

function Hit({ hit }: { hit: SearchHit }) {
  const { chatId, messageId } = hit;
  const age = useTimeAgo(hit.updatedAt);
  const address = hashOf({ view: 'chat', chatId, ...(messageId ? { messageId } : {}) });
  const follow = (): void => {
    closeDrawer();
    followAgain(address);
  };
  return (
    <a className="hit" href={address} onClick={follow}>
      <span className="hit__title truncate" dir="auto">
        {hit.title || strings.sidebar.untitled}
      </span>
      <span className="hit__text" dir="auto">
        {hit.excerpt.map((piece, index) =>
          piece.hit ? <mark key={index}>{piece.text}</mark> : <span key={index}>{piece.text}</span>,
        )}
      </span>
      <time className="small soft" title={exactTime(hit.updatedAt)}>
        {age}
      </time>
    </a>
  );
}
