import { strings } from '../strings.ts';
import { Button } from '../ui/button.tsx';

/** In the place of a list that could not be had: why, and the way to ask again. */
export function NotLoaded({ error, onRetry }: { error: Error; onRetry: () => void }) {
  return (
    <div className="sidebar__note">
      <p className="problem" role="alert">
        {error.message}
      </p>
      <Button onClick={onRetry}>{strings.retry}</Button>
    </div>
  );
}
