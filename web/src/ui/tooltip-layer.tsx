import { useEffect, useRef, useState } from 'react';

interface Tip {
  text: string;
  shortcut: string | undefined;
  target: DOMRect;
}

const delayMs = 450;
const gap = 6;

function tipOf(event: Event): { element: HTMLElement; tip: Tip } | null {
  if (!(event.target instanceof Element)) return null;
  const element = event.target.closest<HTMLElement>('[data-tip]');
  const [text, shortcut] = element?.dataset['tip']?.split('\n') ?? [];
  if (!element || !text) return null;
  return { element, tip: { text, shortcut, target: element.getBoundingClientRect() } };
}

/** Listens for the whole page; calls `show` after a pause and `hide` at once. */
function watchTips(show: (tip: Tip) => void, hide: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let current: HTMLElement | null = null;
  /** A dialog or menu that takes the focus for itself is no reason to explain its first button. */
  let isTabbing = false;
  const leave = (): void => {
    clearTimeout(timer);
    current = null;
    hide();
  };
  const enter = (event: Event): void => {
    const found = tipOf(event);
    if (!found) return current ? leave() : undefined;
    if (found.element === current) return;
    clearTimeout(timer);
    current = found.element;
    const isFocus = event.type === 'focusin';
    if (isFocus && !(isTabbing && found.element.matches(':focus-visible'))) return;
    timer = setTimeout(() => show(found.tip), isFocus ? 0 : delayMs);
  };
  const onPointer = (event: PointerEvent): void => {
    if (event.pointerType !== 'touch') enter(event);
  };
  const end = new AbortController();
  const options = { signal: end.signal, passive: true, capture: true };
  document.addEventListener('pointerover', onPointer, options);
  document.addEventListener('focusin', enter, options);
  for (const type of ['pointerdown', 'keydown', 'scroll', 'focusout'])
    document.addEventListener(type, leave, options);
  for (const type of ['pointerdown', 'keydown'])
    document.addEventListener(
      type,
      (event) => {
        isTabbing = event instanceof KeyboardEvent && event.key === 'Tab';
      },
      options,
    );
  return () => {
    clearTimeout(timer);
    end.abort();
  };
}

/** One tooltip for every element with `data-tip`: a tooltip per button would cost a long transcript dearly. */
export function TooltipLayer() {
  const [tip, setTip] = useState<Tip | null>(null);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => watchTips(setTip, () => setTip(null)), []);
  useEffect(() => {
    const element = box.current;
    if (!element || !tip) return;
    const { width, height } = element.getBoundingClientRect();
    const middle = tip.target.left + tip.target.width / 2 - width / 2;
    const left = Math.max(gap, Math.min(middle, innerWidth - width - gap));
    const below = tip.target.bottom + gap;
    const top = below + height > innerHeight - gap ? tip.target.top - height - gap : below;
    element.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
    element.dataset['shown'] = '';
  }, [tip]);
  if (!tip) return null;
  return (
    <div ref={box} className="tooltip" aria-hidden key={`${tip.text}${tip.target.left}`}>
      {tip.text}
      {tip.shortcut && <kbd>{tip.shortcut}</kbd>}
    </div>
  );
}
