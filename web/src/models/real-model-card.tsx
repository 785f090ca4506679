import { useCatalogue } from '../api/queries.ts';
import { goTo } from '../state/route.ts';
import { strings } from '../strings.ts';
import { Button } from '../ui/button.tsx';
import { CatalogueRow } from './catalogue-row.tsx';

const shownPicks = 3;

/** Cria talks, but says little: the way to a model worth having on this machine. */
export function RealModelCard({ onDismiss }: { onDismiss: () => void }) {
  const { data } = useCatalogue();
  const entries = data?.entries ?? [];
  const order = { fits: 0, tight: 1, 'will-not-fit': 2 };
  const picks = entries
    .toSorted((left, right) => order[left.fit] - order[right.fit] || right.parameters - left.parameters)
    .slice(0, shownPicks);
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
