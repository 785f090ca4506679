import { isApple } from '../ui/browser.ts';

export interface Shortcut {
  key: string;
  /** Where the key stands on an American keyboard: with Shift held its character differs from layout to layout. */
  code?: string;
  /** Ctrl, or ⌘ on Apple's machines. */
  isMain?: boolean;
  isShift?: boolean;
}

/** The ones people know from elsewhere; each is shown in a tooltip and in the list. */
export const shortcuts = {
  newChat: { key: 'o', isMain: true, isShift: true },
  palette: { key: 'k', isMain: true },
  shortcuts: { key: '/', isMain: true },
  focus: { key: 'Escape', isShift: true },
  sidebar: { key: 's', isMain: true, isShift: true },
  panel: { key: 'e', isMain: true, isShift: true },
  copyAnswer: { key: 'c', isMain: true, isShift: true },
  copyCode: { key: ';', code: 'Semicolon', isMain: true, isShift: true },
  clear: { key: 'x', isMain: true, isShift: true },
  remove: { key: 'Backspace', isMain: true, isShift: true },
  model: { key: 'm', isMain: true, isShift: true },
  settings: { key: '.', isMain: true },
  find: { key: 'f', isMain: true },
  lastMessage: { key: 'l', isMain: true, isShift: true },
  stop: { key: 'Escape' },
} as const satisfies Record<string, Shortcut>;

export type ShortcutName = keyof typeof shortcuts;

const names: Record<string, string> = { Escape: 'Esc', Backspace: isApple ? '⌫' : 'Backspace' };

export function shortcutText(name: ShortcutName): string {
  const shortcut: Shortcut = shortcuts[name];
  const key = names[shortcut.key] ?? shortcut.key.toUpperCase();
  const parts = [
    ...(shortcut.isMain ? [isApple ? '⌘' : 'Ctrl'] : []),
    ...(shortcut.isShift ? [isApple ? '⇧' : 'Shift'] : []),
    key,
  ];
  return parts.join(isApple ? '' : ' ');
}

/** Letters keep their own meaning, wherever a layout has them. */
const isLetter = (key: string): boolean => /^[a-z]$/i.test(key);
/** Many layouts need Shift to type these. */
const isPunctuation = (key: string): boolean => /^[./]$/.test(key);
/** Where they are on an American keyboard. */
const punctuationCodes: Record<string, string> = { '.': 'Period', '/': 'Slash' };
/** Characters of a layout that has no Latin letters, and not always the punctuation. */
const isOfOtherScript = (key: string): boolean => /^[^\p{scx=Latin}\p{scx=Common}]+$/u.test(key);

/**
 * What the key is where the layout has no Latin letters. Browsers then number a letter's key by the Latin letter that is
 * on it, also where Shift makes a sign of it; by its place alone a key of Dvorak's would be taken for another one.
 */
function isOnForeignKey({ key, code, keyCode }: KeyboardEvent, wanted: string): boolean {
  if (isLetter(wanted)) return !isLetter(key) && keyCode === wanted.toUpperCase().charCodeAt(0);
  return isOfOtherScript(key) && code === punctuationCodes[wanted];
}

export function matches(event: KeyboardEvent, shortcut: Shortcut): boolean {
  const { key, code, isShift = false } = shortcut;
  const isMain = isApple ? event.metaKey : event.ctrlKey;
  if (isMain !== (shortcut.isMain ?? false) || event.altKey) return false;
  if (event.shiftKey !== isShift && !isPunctuation(key)) return false;
  if (event.key.toLowerCase() === key.toLowerCase() || isOnForeignKey(event, key)) return true;
  return event.code === code && !isLetter(event.key);
}
