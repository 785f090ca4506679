import type { JudgedEntry } from '@corral/app/contracts/api/models';
import { goTo } from '../state/route.ts';
import { strings } from '../strings.ts';
import { Button } from '../ui/button.tsx';
import { CatalogueRow } from './catalogue-row.tsx';

interface RealModelCardProps {
  picks: readonly JudgedEntry[];
  onDismiss: () => void;
}

/** Cria talks, but says little: the way to a model worth having on this machine. */
export function RealModelCard({ picks, onDismiss }: RealModelCardProps) {
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
