/** Where the focus goes when what had it is gone: where it was before, else to the beginning of what is shown. */
export function focusAgain(before: Element | null): void {
  // Something else has taken it meanwhile.
  if (document.activeElement !== null && document.activeElement !== document.body) return;
  const isThere = before instanceof HTMLElement && before !== document.body && before.isConnected;
  (isThere ? before : document.getElementById('main'))?.focus({ preventScroll: true });
}
