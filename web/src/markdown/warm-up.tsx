import { createRoot } from 'react-dom/client';
import { Markdown } from './markdown.tsx';

/** What answers are made of, once each; a language that nobody colours. */
const sample = `# a

A *b* **c** \`d\` [e](https://example.org/) f.

- g
- h

1. i

> j

| k | l |
| - | - |
| m | n |

\`\`\`
o
\`\`\`
`;

/**
 * Draws every kind of block once where nobody sees it. The engine compiles what reads and draws them then, and not when
 * the first chat is opened, where it takes half of the time.
 */
export function warmUp(): void {
  const root = createRoot(document.createElement('div'));
  root.render(<Markdown text={sample} />);
  setTimeout(() => root.unmount(), 1_000);
}
