/** What the two pages that the server writes itself have of the visual language: the colours are those of tokens.css. */
export const ownPageStyle = `
:root { color-scheme: light dark;
  --paper: oklch(98.5% 0.006 85);
  --line: oklch(89% 0.01 80);
  --ink: oklch(24% 0.015 60);
  --ink-soft: oklch(48% 0.015 65);
  --accent: oklch(56% 0.13 42);
  --accent-text: oklch(50% 0.13 42);
  --accent-ink: oklch(99% 0.005 85);
  --bad: oklch(53% 0.18 27); }
@media (prefers-color-scheme: dark) { :root {
  --paper: oklch(19% 0.008 60);
  --line: oklch(32% 0.01 60);
  --ink: oklch(92% 0.008 80);
  --ink-soft: oklch(70% 0.01 75);
  --accent: oklch(70% 0.12 48);
  --accent-text: oklch(75% 0.11 50);
  --accent-ink: oklch(19% 0.02 50);
  --bad: oklch(71% 0.15 25); } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
input, button { font: inherit; padding: 8px 12px; border-radius: 8px; border: 1px solid var(--line);
  background: transparent; color: inherit; width: 100%; }
button:focus-visible, input:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
`;
