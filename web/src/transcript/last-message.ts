import { shownSession } from '../state/actions.ts';
import { openEditor } from './open-editor.ts';
import { drawnRow } from './transcript-view.ts';

/** Opens the person's last message of the shown branch to be reworded. */
export function editLastQuestion(): void {
  const session = shownSession();
  const questions = session?.state.get().path.map((id) => session.message(id));
  const last = questions?.findLast((message) => message?.role === 'user');
  if (!last) return;
  openEditor(last.id, last.content);
  void drawnRow(last.id);
}

/** Moves the focus to the end of the shown branch; false where nothing is shown. */
export function focusLastMessage(): boolean {
  const last = shownSession()?.state.get().path.at(-1);
  if (last === undefined) return false;
  void drawnRow(last).then((row) => row?.focus());
  return true;
}
