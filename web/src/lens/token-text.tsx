import { memo, type KeyboardEvent, type MouseEvent, type FocusEvent } from 'react';
import type { LensToken } from '@corral/app/contracts/lens';
import { viewStrings } from '../strings-views.ts';
import { doubtOf, percentText, visible } from './confidence.ts';
import { tokenAfter } from './token-keys.ts';

interface TokenProps {
  index: number;
  text: string;
  probability: number;
  isCurrent: boolean;
  /** The one that Tab leads to. */
  isReachable: boolean;
}

/** The line break itself stays in the text, behind its picture. */
const shown = (text: string): string => text.replaceAll('\n', '↵\n');

const Token = memo(function Token({ index, text, probability, isCurrent, isReachable }: TokenProps) {
  return (
    <span
      className="token"
      role="button"
      aria-label={viewStrings.lens.token(visible(text), percentText(probability))}
      aria-pressed={isCurrent}
      tabIndex={isReachable ? 0 : -1}
      data-index={index}
      data-doubt={doubtOf(probability)}
    >
      {shown(text)}
    </span>
  );
});

export interface TokenTextProps {
  tokens: readonly LensToken[];
  current: number | null;
  onCurrent: (index: number) => void;
  /** What else might stand there is asked for. */
  onOpen: () => void;
}

function tokenOf(event: { target: EventTarget }): HTMLElement | null {
  return event.target instanceof Element ? event.target.closest<HTMLElement>('.token') : null;
}

/** The answer as its tokens, of which arrow keys reach each. */
export function TokenText({ tokens, current, onCurrent, onOpen }: TokenTextProps) {
  const choose = (event: MouseEvent | FocusEvent): void => {
    const index = tokenOf(event)?.dataset['index'];
    if (index !== undefined) onCurrent(Number(index));
  };
  const move = (event: KeyboardEvent): void => {
    const token = tokenOf(event);
    if (!token || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Enter' || event.key === ' ') onOpen();
    else {
      const next = tokenAfter(event.key, token);
      if (!next) return;
      next.focus();
    }
    event.preventDefault();
  };
  return (
    <div
      className="lens__text"
      role="toolbar"
      aria-label={viewStrings.lens.tokens}
      dir="auto"
      tabIndex={-1}
      onClick={(event) => {
        choose(event);
        tokenOf(event)?.focus();
      }}
      onFocus={choose}
      onKeyDown={move}
    >
      {tokens.map(({ text, logprob }, index) => (
        <Token
          key={index}
          index={index}
          text={text}
          probability={Math.exp(logprob)}
          isCurrent={index === current}
          isReachable={index === (current ?? 0)}
        />
      ))}
    </div>
  );
}
