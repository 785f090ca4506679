import { strings } from '../strings.ts';
import { Button } from './button.tsx';

/** The end of a form in a card: back, or on. */
export function FormButtons({ submit, onCancel }: { submit: string; onCancel: () => void }) {
  return (
    <div className="card__row">
      <Button kind="quiet" onClick={onCancel}>
        {strings.cancel}
      </Button>
      <Button kind="primary" type="submit">
        {submit}
      </Button>
    </div>
  );
}
