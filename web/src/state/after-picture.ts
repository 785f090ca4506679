/** Runs once the page was drawn as it is now: what a letter brings with it does not hold up the letter. */
export function afterPicture(then: () => void): void {
  // A hidden tab is not drawn.
  if (document.hidden) then();
  else requestAnimationFrame(() => setTimeout(then));
}
