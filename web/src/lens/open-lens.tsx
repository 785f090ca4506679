import { shownSession } from '../state/actions.ts';
import { reportProblem } from '../ui/problems.ts';
import { later } from '../ui/later.tsx';
import { shownLens } from './shown-lens.ts';

export const Lens = later(() => import('./lens.tsx').then((module) => module.Lens));

/** The text stays until the code is here that shows it otherwise. */
export function openLens(messageId: string): void {
  Lens.fetch().then(() => shownLens.set(messageId), reportProblem);
}

/** False where no answer is shown. */
export function openLensOfLast(): boolean {
  const session = shownSession();
  const path = session?.state.get().path ?? [];
  const id = path.findLast((each) => {
    const message = session?.message(each);
    return message?.role === 'assistant' && message.content !== '';
  });
  if (id !== undefined) openLens(id);
  return id !== undefined;
}
