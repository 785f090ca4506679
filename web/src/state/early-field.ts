import type { ChatSession } from './chat-session.ts';
import { joined, newDraftId } from './draft.ts';
import { draftOf } from './drafts.ts';
import { goTo, isReturn } from './route.ts';
import { sendEarly } from './sending.ts';

/**
 * `index.html` has a field of its own, which takes what is typed, and Enter and Send, while the page is still being
 * fetched. The composer takes all of it over in the moment in which it is there itself.
 */
const earlyField = (): HTMLElement | null => document.getElementById('early');

/** A word that an input method is putting together would be torn apart. */
export async function whenWordIsThere(): Promise<void> {
  const early = earlyField();
  if (early?.dataset['composing'] === undefined) return;
  await new Promise((resolve) => early.addEventListener('compositionend', resolve, { once: true }));
}

/** Where no composer came for it. */
export function dropEarlyField(): void {
  earlyField()?.remove();
}

/** Who sent it saw an empty page: it does not go into a chat that was neither asked for nor seen. */
function placeToSend(shown: ChatSession | null): ChatSession | null {
  if (!shown || !isReturn(shown.id)) return shown;
  goTo({ view: 'new' }, true);
  return null;
}

/** Text, caret, focus, and what was sent already. */
export function takeEarlyField(shown: ChatSession | null): void {
  const early = earlyField();
  const typed = early?.querySelector('textarea');
  if (!early || !typed) return;
  const hadFocus = document.activeElement === typed;
  const sent = early.querySelector('[data-sent]')?.textContent ?? '';
  early.remove();
  takeWords(sent === '' ? shown : placeToSend(shown), sent, typed.value);
  if (hadFocus) takeCaret(typed);
}

/** Where something else is still on its way, what was sent waits in the field. */
function takeWords(session: ChatSession | null, sent: string, typed: string): void {
  const draft = draftOf(session?.id ?? newDraftId);
  const isSendable = sent !== '' && draft.get().outgoing === null;
  if (isSendable) void sendEarly(session, sent);
  draft.set((now) => ({ ...now, text: joined(now.text, isSendable ? '' : sent, typed) }));
}

/** What stood in the draft before is in front of it. */
function takeCaret({ value, selectionStart, selectionEnd }: HTMLTextAreaElement): void {
  const field = document.getElementById('composer');
  if (!(field instanceof HTMLTextAreaElement)) return;
  const before = field.value.length - value.length;
  field.focus({ preventScroll: true });
  field.setSelectionRange(before + selectionStart, before + selectionEnd);
}
