import type { LensAlternative, LensToken } from '@corral/app/contracts/lens';
import { CornerDownRight } from 'lucide-react';
import { viewStrings } from '../strings-views.ts';
import { Button } from '../ui/button.tsx';
import { percentText, visible } from './confidence.ts';

const words = viewStrings.lens;
/** With the one that is written always as many rows, so that nothing moves from token to token. */
const otherCount = 4;

export interface TokenChoicesProps {
  token: LensToken;
  onGoOn: (alternative: LensAlternative) => void;
}

function nameOf({ kind, text }: LensAlternative): string {
  if (kind === 'end') return words.end;
  return kind === 'part' ? words.part : visible(text);
}

interface ChoiceProps {
  name: string;
  logprob: number;
  isText: boolean;
  isWritten: boolean;
  /** Absent: one cannot go on from it. */
  onGoOn?: () => void;
}

function Choice({ name, logprob, isText, isWritten, onGoOn }: ChoiceProps) {
  const probability = Math.exp(logprob);
  return (
    <li className="lens__choice" data-written={isWritten || undefined}>
      <span className={isText ? 'lens__piece' : 'soft'}>{name}</span>
      <span className="lens__bar" aria-hidden>
        <span style={{ inlineSize: `${probability * 100}%` }} />
      </span>
      <span className="figures small">{percentText(probability)}</span>
      {onGoOn ? (
        <Button aria-label={words.goOnWith(name)} onClick={onGoOn}>
          <CornerDownRight size={16} strokeWidth={1.75} aria-hidden />
          {words.goOn}
        </Button>
      ) : (
        <span className="small soft lens__note">{isWritten ? words.written : words.noGoingOn}</span>
      )}
    </li>
  );
}

/** What stands at one place of the answer, and what else might. */
export function TokenChoices({ token, onGoOn }: TokenChoicesProps) {
  const written = visible(token.text);
  const [writtenId] = token.ids;
  const others = token.alternatives.filter(({ id }) => id !== writtenId).slice(0, otherCount);
  const above = others.filter(({ logprob }) => logprob > token.logprob);
  const row = (alternative: LensAlternative) => (
    <Choice
      key={alternative.id}
      name={nameOf(alternative)}
      logprob={alternative.logprob}
      isText={alternative.kind === 'text'}
      isWritten={false}
      {...(alternative.kind === 'text' ? { onGoOn: () => onGoOn(alternative) } : {})}
    />
  );
  return (
    <ol className="lens__choices" aria-label={words.choices(written)}>
      {above.map(row)}
      <Choice name={written} logprob={token.logprob} isText isWritten />
      {others.slice(above.length).map(row)}
    </ol>
  );
}
