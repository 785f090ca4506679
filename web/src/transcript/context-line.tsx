import { memo } from 'react';
import { strings } from '../strings.ts';

/** The page's signature: where the model stopped seeing. */
export const ContextLine = memo(function ContextLine({ tokens }: { tokens: number | null }) {
  return (
    <div className="context-line" role="separator" aria-label={strings.transcript.notSeen(tokens)}>
      <span className="woven" />
      <span className="context-line__words figures">{strings.transcript.notSeen(tokens)}</span>
      <span className="woven" />
    </div>
  );
});
