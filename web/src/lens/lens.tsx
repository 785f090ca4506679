import { useEffect, useRef, useState, type RefObject } from 'react';
import type { ChatMessage } from '@corral/app/contracts/chats';
import type { LensAlternative, TokenLens } from '@corral/app/contracts/lens';
import { useQuery } from '@tanstack/react-query';
import { X } from 'lucide-react';
import { messagesApi } from '../api/chats.ts';
import { ApiError } from '../api/request.ts';
import { keepComposerRoom } from '../composer/composer-room.ts';
import type { ChatSession } from '../state/chat-session.ts';
import { startRun } from '../state/actions.ts';
import { strings } from '../strings.ts';
import { viewStrings } from '../strings-views.ts';
import '../styles/lens.css';
import { Button } from '../ui/button.tsx';
import { IconButton } from '../ui/icon-button.tsx';
import { attempt } from '../ui/problems.ts';
import { doubts, rangeText } from './confidence.ts';
import { closeLens } from './shown-lens.ts';
import { TokenChoices } from './token-choices.tsx';
import { TokenText } from './token-text.tsx';

const words = viewStrings.lens;

export interface LensProps {
  session: ChatSession;
  message: ChatMessage;
}

/** Computed while it is looked at and forgotten with it; closing the lens stops the work. */
function useTokens({ chatId, id, version }: ChatMessage) {
  return useQuery({
    queryKey: ['lens', id, version],
    queryFn: ({ signal }) => messagesApi.tokens(chatId, id, signal),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    retry: false,
  });
}

function Legend() {
  return (
    <ul className="lens__legend" aria-label={words.legend}>
      {doubts.map((doubt) => (
        <li key={doubt}>
          <span className="token small" data-doubt={doubt}>
            {rangeText(doubt)}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Problem({ error, onRetry }: { error: Error; onRetry: () => void }) {
  const hint = error instanceof ApiError ? error.hint : undefined;
  return (
    <div className="lens__problem" role="alert">
      <p className="problem">{error.message}</p>
      {hint && <p className="small soft">{hint}</p>}
      <Button onClick={onRetry}>{strings.retry}</Button>
    </div>
  );
}

function Notes({ lens }: { lens: TokenLens }) {
  if (lens.basis === 'receipt') return null;
  return <p className="small soft">{lens.basis === 'now' ? words.basisNow : words.basisOther(lens.model)}</p>;
}

/** Another wording beside the answer, which the model goes on with. */
function goOn(
  { session, message }: LensProps,
  lens: TokenLens,
  at: { index: number; alternative: LensAlternative },
): void {
  const before = lens.tokens.slice(0, at.index).map(({ text }) => text);
  const content = before.join('') + at.alternative.text;
  attempt(async () => {
    const version = await messagesApi.edit(message.chatId, message.id, { content });
    closeLens();
    await session.load();
    startRun(session, {
      input: { kind: 'continue', messageId: version.id },
      settings: { model: lens.model },
    });
  });
}

function focusToken(within: HTMLElement | null): void {
  within?.querySelector<HTMLElement>('.token[tabindex="0"]')?.focus();
}

/** The first token, unless something is being typed meanwhile. */
function focusFirst(within: HTMLElement | null): void {
  const active = document.activeElement;
  if (active instanceof HTMLTextAreaElement || active instanceof HTMLInputElement) return;
  focusToken(within);
}

interface ShownProps extends LensProps {
  lens: TokenLens;
}

function Tokens({ lens, ...known }: ShownProps) {
  const { content } = known.message;
  const [current, setCurrent] = useState<number | null>(null);
  const place = useRef<HTMLDivElement>(null);
  const token = current === null ? undefined : lens.tokens[current];
  const length = lens.tokens.reduce((sum, { text }) => sum + text.length, 0);
  useEffect(() => focusFirst(place.current), []);
  const toChoices = (): void => place.current?.querySelector<HTMLElement>('.lens__choice button')?.focus();
  return (
    <div ref={place}>
      <Notes lens={lens} />
      <TokenText tokens={lens.tokens} current={current} onCurrent={setCurrent} onOpen={toChoices} />
      {length < content.length && (
        <>
          <p className="small soft lens__end">{words.endsHere(lens.tokens.length)}</p>
          <div className="lens__text lens__text--rest" dir="auto">
            {content.slice(length)}
          </div>
        </>
      )}
      <div className="lens__dock" ref={keepComposerRoom} role="group" aria-label={words.choice}>
        {token && current !== null ? (
          <TokenChoices
            token={token}
            onGoOn={(alternative) => goOn(known, lens, { index: current, alternative })}
          />
        ) : (
          <p className="soft small">{words.how}</p>
        )}
      </div>
    </div>
  );
}

function leaveLens(lens: HTMLElement | null): void {
  const message = lens?.closest<HTMLElement>('.message');
  closeLens();
  message?.focus();
}

/** From what else might stand at a token back to the token, and from there out of the lens. */
function useEscape(place: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const lens = place.current;
    const leave = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape' || event.defaultPrevented) return;
      event.preventDefault();
      const isAtChoices = event.target instanceof Element && event.target.closest('.lens__dock') !== null;
      if (isAtChoices) focusToken(lens);
      else leaveLens(lens);
    };
    lens?.addEventListener('keydown', leave);
    return () => lens?.removeEventListener('keydown', leave);
  }, [place]);
}

/** An answer as the tokens it is made of, in place of its text. */
export function Lens({ session, message }: LensProps) {
  const { data, error, refetch } = useTokens(message);
  const place = useRef<HTMLElement>(null);
  const close = (): void => leaveLens(place.current);
  useEscape(place);
  return (
    <section className="lens" ref={place} aria-label={strings.transcript.lens}>
      <header className="lens__head">
        <h3>{strings.transcript.lens}</h3>
        <IconButton label={words.close} onClick={close}>
          <X />
        </IconButton>
        <p className="small soft">
          {words.why} <span className="lens__keys">{words.keys}</span>
        </p>
        <Legend />
      </header>
      {data ? (
        <Tokens session={session} message={message} lens={data} />
      ) : (
        <>
          {error ? (
            <Problem error={error} onRetry={() => void refetch()} />
          ) : (
            <div className="lens__waiting" role="status">
              <div className="woven woven--moving" />
              <p className="small soft">{words.waiting}</p>
            </div>
          )}
          <div className="lens__text" dir="auto">
            {message.content}
          </div>
        </>
      )}
    </section>
  );
}
