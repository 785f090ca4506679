import { common, createLowlight } from 'lowlight';
import type { HighlightAnswer, HighlightOrder, HighlightSpan } from './highlight-client.ts';

const lowlight = createLowlight(common);

interface TreeNode {
  type: string;
  value?: string;
  properties?: { className?: string[] };
  children?: TreeNode[];
}

/** The tree as a flat list of spans: the innermost class of each run of text. */
function flatten(node: TreeNode, className: string, spans: HighlightSpan[]): void {
  if (node.type === 'text') {
    spans.push([className, node.value ?? '']);
    return;
  }
  const own = node.properties?.className?.[0] ?? className;
  for (const child of node.children ?? []) flatten(child, own, spans);
}

self.addEventListener('message', (event: MessageEvent<HighlightOrder>) => {
  const { id, code, grammar } = event.data;
  const spans: HighlightSpan[] = [];
  try {
    flatten(lowlight.highlight(grammar, code), '', spans);
  } catch {
    spans.splice(0, spans.length, ['', code]);
  }
  self.postMessage({ id, spans } satisfies HighlightAnswer);
});
