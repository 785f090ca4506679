const restMs = 250;

/** What is to be called at each change: `save` comes when nothing has changed for a moment, or when the page is left. */
export function savedAtRest(save: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const saveNow = (): void => {
    if (timer === undefined) return;
    clearTimeout(timer);
    timer = undefined;
    save();
  };
  addEventListener('pagehide', saveNow);
  return () => {
    clearTimeout(timer);
    timer = setTimeout(saveNow, restMs);
  };
}
