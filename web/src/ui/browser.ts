/** What plain http in a LAN lacks (it is no secure context), done another way. */

export async function copyText(text: string): Promise<boolean> {
  if (globalThis.isSecureContext && navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Refused, for instance without focus: the older way may still work.
    }
  }
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'only-read-aloud';
  area.setAttribute('aria-hidden', 'true');
  const focused = document.activeElement;
  // An open dialog takes the focus back from whatever is outside it.
  (focused?.closest('[role="dialog"]') ?? document.body).append(area);
  area.focus({ preventScroll: true });
  area.select();
  const isCopied = document.execCommand('copy');
  area.remove();
  if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
  return isCopied;
}

/** A random identifier that also works where `crypto.randomUUID` does not exist. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

export function saveFile(name: string, content: string | Blob, type = 'text/plain'): void {
  const blob = typeof content === 'string' ? new Blob([content], { type }) : content;
  const address = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** After the next picture, or without one where the tab is hidden, and at least `waitMs` later. */
export async function whenDrawn(waitMs = 0): Promise<void> {
  if (!document.hidden) await new Promise((resolve) => requestAnimationFrame(resolve));
  await new Promise((resolve) => setTimeout(resolve, waitMs));
}

/**
 * The key is the input method's: it chooses or gives up a word. Safari ends the composition before the Enter that did
 * it; the number gives that one away.
 */
export const isComposing = (event: KeyboardEvent): boolean => event.isComposing || event.keyCode === 229;

/** Touch only: Enter makes a new line there, and the button sends. */
export function isTouchOnly(): boolean {
  return matchMedia('(pointer: coarse)').matches && !matchMedia('(any-pointer: fine)').matches;
}

export const isApple = /Mac|iPhone|iPad/.test(navigator.userAgent);

interface Remembered {
  read: <T>(key: string, fallback: T) => T;
  write: (key: string, value: unknown) => void;
}

/** Reads and writes survive a browser that refuses storage. */
function rememberedIn(storage: () => Storage): Remembered {
  return {
    read(key, fallback) {
      try {
        const text = storage().getItem(`corral.${key}`);
        return text === null ? fallback : (JSON.parse(text) as typeof fallback);
      } catch {
        return fallback;
      }
    },
    write(key, value) {
      try {
        if (value === undefined) storage().removeItem(`corral.${key}`);
        else storage().setItem(`corral.${key}`, JSON.stringify(value));
      } catch {
        // Full or forbidden: the value lasts as long as this page.
      }
    },
  };
}

/** For this browser. */
export const remembered = rememberedIn(() => localStorage);
/** For this tab, across reloads. */
export const rememberedInTab = rememberedIn(() => sessionStorage);
