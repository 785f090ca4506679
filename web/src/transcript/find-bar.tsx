import { useEffect, useRef } from 'react';
import { ChevronDown, ChevronUp, X } from 'lucide-react';
import { focusComposer } from '../state/actions.ts';
import type { ChatSession } from '../state/chat-session.ts';
import { writtenText } from '../state/message-view.ts';
import { closeFind, findFocus, findState } from '../state/overlays.ts';
import { useStore } from '../state/store.ts';
import { strings } from '../strings.ts';
import { fieldKeys } from '../ui/field-keys.ts';
import { focusAtMount } from '../ui/focus-at-mount.ts';
import { IconButton } from '../ui/icon-button.tsx';
import { inSmallLetters } from './small-letters.ts';
import { transcriptView } from './transcript-view.ts';

const highlightName = 'corral-find';

/** Marks the words in what is drawn; the highlight API changes no node, so React notices nothing. */
function markWords(query: string): void {
  if (typeof Highlight === 'undefined') return;
  CSS.highlights.delete(highlightName);
  const root = document.querySelector('[data-transcript]');
  if (!root || query === '') return;
  const ranges: Range[] = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const wanted = inSmallLetters(query);
  for (let node = walker.nextNode(); node && ranges.length < 1_000; node = walker.nextNode()) {
    const text = inSmallLetters(node.textContent ?? '');
    for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
      const range = document.createRange();
      range.setStart(node, at);
      range.setEnd(node, at + wanted.length);
      ranges.push(range);
    }
  }
  CSS.highlights.set(highlightName, new Highlight(...ranges));
}

/** When they are drawn. */
function markSoon(query: string): () => void {
  const timer = setTimeout(() => markWords(query.trim()), 80);
  return () => clearTimeout(timer);
}

/** Of a long chat only what is in view is in the document: others come as one scrolls. */
const bringsRow = ({ addedNodes }: MutationRecord): boolean =>
  [...addedNodes].some((node) => node instanceof Element && node.classList.contains('virtual__row'));

/** Where the same messages match as before, what is drawn of them may be new. */
function useMarksOfNews(session: ChatSession): void {
  useEffect(() => {
    let cancel = (): void => undefined;
    const markAgain = (): void => {
      cancel();
      cancel = markSoon(findState.get().query);
    };
    const leave = session.state.subscribe(markAgain);
    const rows = new MutationObserver((records) => records.some(bringsRow) && markAgain());
    // The transcript itself comes and goes with what is shown.
    rows.observe(document.getElementById('main') ?? document.body, { childList: true, subtree: true });
    return () => {
      leave();
      rows.disconnect();
      cancel();
      markWords('');
    };
  }, [session]);
}

/** The messages with these words, first to last. */
function messagesWith(session: ChatSession, path: readonly string[], query: string): string[] {
  const wanted = inSmallLetters(query.trim());
  if (wanted === '') return [];
  return path.filter((id) => {
    const view = session.view(id)?.get();
    return view !== undefined && inSmallLetters(writtenText(view)).includes(wanted);
  });
}

/** The field has the focus when it opens and whenever it is asked for, and gives it back where it came from. */
function useFindFocus() {
  const field = useRef<HTMLInputElement>(null);
  const before = useRef<Element | null>(null);
  useEffect(() => {
    const focus = (): void => {
      const isInBar = document.activeElement?.closest('.find-bar') ?? null;
      if (isInBar === null) before.current = document.activeElement;
      focusAtMount(field.current);
    };
    focus();
    return findFocus.subscribe(focus);
  }, []);
  const close = (): void => {
    closeFind();
    const from = before.current;
    const isThere = from instanceof HTMLElement && from !== document.body && from.isConnected;
    // What was found stays in view.
    if (isThere) from.focus({ preventScroll: true });
    else focusComposer();
  };
  return { field, close };
}

/** Search in the shown chat: the browser's own finds only what is drawn. */
export function FindBar({ session }: { session: ChatSession }) {
  const { isOpen } = useStore(findState);
  return isOpen ? <OpenFindBar session={session} /> : null;
}

function OpenFindBar({ session }: { session: ChatSession }) {
  const { query, index } = useStore(findState);
  // All of its state: the end of an answer changes nothing but its runs. Until then its text is looked through only when
  // the query changes, since each new word would move whoever reads a match.
  const { path, isWhole } = useStore(session.state);
  // The first match is known when everything is here.
  const matches = isWhole ? messagesWith(session, path, query) : [];
  const { field, close } = useFindFocus();
  useMarksOfNews(session);
  const shown = matches[Math.min(index, matches.length - 1)];
  /** What was asked for last: an answer that ends meanwhile, and matches, moves nobody who reads. */
  const asked = useRef('');
  useEffect(() => {
    const asking = `${index} ${query}`;
    if (isWhole && asked.current !== asking) {
      asked.current = asking;
      if (shown) transcriptView.get().show(shown);
    }
    return markSoon(query);
  }, [shown, query, index, isWhole]);
  const step = (by: number): void =>
    findState.set((state) => ({
      ...state,
      index: matches.length === 0 ? 0 : (state.index + by + matches.length) % matches.length,
    }));
  return (
    <div className="find-bar" role="search">
      <input
        ref={field}
        type="search"
        className="field"
        aria-label={strings.transcript.find}
        placeholder={strings.transcript.find}
        value={query}
        onChange={(event) => findState.set({ isOpen: true, query: event.target.value, index: 0 })}
        {...fieldKeys({ onEnter: (_text, event) => step(event.shiftKey ? -1 : 1), onEscape: close })}
      />
      <span className="small soft figures" role="status">
        {query.trim() !== '' &&
          isWhole &&
          strings.transcript.matches(Math.min(index + 1, matches.length), matches.length)}
      </span>
      <IconButton label={strings.transcript.findPrevious} onClick={() => step(-1)}>
        <ChevronUp />
      </IconButton>
      <IconButton label={strings.transcript.findNext} onClick={() => step(1)}>
        <ChevronDown />
      </IconButton>
      <IconButton label={strings.close} onClick={close}>
        <X />
      </IconButton>
    </div>
  );
}
