import type { JudgedEntry } from '@corral/app/contracts/api/models';
import { useCatalogue } from '../api/queries.ts';
import { goTo } from '../state/route.ts';
import { strings } from '../strings.ts';
import { Button } from '../ui/button.tsx';
import { CatalogueRow } from './catalogue-row.tsx';

/** Words a second at which an answer reads along, keeps up, and is worth waiting for. */
const paces = [25, 10, 3];

/** A quick, a balanced and the best one: the largest that fits and reaches each pace. */
export function picksOf(entries: readonly JudgedEntry[]): JudgedEntry[] {
  const usable = entries
    .filter((entry) => entry.fit !== 'will-not-fit')
    .toSorted((left, right) => right.parameters - left.parameters);
  const picks = new Set<JudgedEntry>();
  for (const pace of paces) {
    const pick = usable.find((entry) => (entry.expectedTokensPerSecond ?? 0) >= pace && !picks.has(entry));
    if (pick) picks.add(pick);
  }
  return picks.size > 0 ? [...picks] : usable.slice(-paces.length);
}

/** Cria talks, but says little: the way to a model worth having on this machine. */
export function RealModelCard({ onDismiss }: { onDismiss: () => void }) {
  const { data } = useCatalogue();
  const picks = picksOf(data?.entries ?? []);
  if (picks.length === 0) return null;
  return (
    <section className="card real-model" aria-label={strings.empty.card}>
      <h2 className="card__title">{strings.empty.card}</h2>
      <p className="soft">{strings.empty.cardWhy}</p>
      <ul className="picks">
        {picks.map((entry) => (
          <CatalogueRow key={entry.id} entry={entry} />
        ))}
      </ul>
      <div className="card__row">
        <Button kind="quiet" onClick={() => goTo({ view: 'models' })}>
          {strings.empty.cardAll}
        </Button>
        <Button kind="quiet" onClick={onDismiss}>
          {strings.empty.dismiss}
        </Button>
      </div>
    </section>
  );
}
