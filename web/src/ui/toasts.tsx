import { X } from 'lucide-react';
import { keepComposerRoom } from '../composer/composer-room.ts';
import { createStore, useStore } from '../state/store.ts';
import { strings } from '../strings.ts';
import { IconButton } from './icon-button.tsx';

export interface Toast {
  text: string;
  kind?: 'note' | 'problem';
  /** What to do about it. */
  hint?: string;
  action?: { label: string; run: () => void };
  /** How long it stays; with an action longer, since somebody must reach it. */
  durationMs?: number;
}

interface ShownToast extends Toast {
  id: number;
}

const toasts = createStore<readonly ShownToast[]>([]);
let nextId = 1;

export function dismissToast(id: number): void {
  toasts.set((list) => list.filter((toast) => toast.id !== id));
}

/**
 * The action of two notices with the same words: what failed is done again in its order, what was done is undone
 * backwards.
 */
function bothActions(earlier: Toast | undefined, later: Toast): Pick<Toast, 'action'> {
  const [first, second] = [earlier?.action, later.action];
  if (!first || !second) return { action: second ?? first };
  const order = later.kind === 'problem' ? [first, second] : [second, first];
  return { action: { ...second, run: () => order.forEach((action) => action.run()) } };
}

/** Shows a line at the bottom; the same text twice is shown once. */
export function showToast(toast: Toast): number {
  const id = nextId++;
  toasts.set((list) => {
    const earlier = list.find(({ text }) => text === toast.text);
    const others = list.filter((other) => other !== earlier);
    return [...others, { ...toast, ...bothActions(earlier, toast), id }].slice(-3);
  });
  const duration = toast.durationMs ?? (toast.action || toast.kind === 'problem' ? 10_000 : 4_000);
  if (Number.isFinite(duration)) setTimeout(() => dismissToast(id), duration);
  return id;
}

export function Toasts() {
  const list = useStore(toasts);
  return (
    // An open dialog hides all else from screen readers, except what is live.
    <div
      className="toasts"
      role="region"
      aria-label={strings.shell.notices}
      aria-live="polite"
      ref={keepComposerRoom}
    >
      {list.map((toast) => (
        <div
          key={toast.id}
          className="toast"
          data-kind={toast.kind ?? 'note'}
          role={toast.kind === 'problem' ? 'alert' : 'status'}
        >
          <div className="toast__text">
            {toast.text}
            {toast.hint && <div className="toast__hint">{toast.hint}</div>}
          </div>
          {toast.action && (
            <button
              type="button"
              className="toast__action"
              onClick={() => {
                toast.action?.run();
                dismissToast(toast.id);
              }}
            >
              {toast.action.label}
            </button>
          )}
          <IconButton label={strings.close} onClick={() => dismissToast(toast.id)}>
            <X />
          </IconButton>
        </div>
      ))}
    </div>
  );
}
