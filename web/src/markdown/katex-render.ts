import katex from 'katex';
import 'katex/dist/katex.min.css';

/** KaTeX builds nodes and sets styles through the object model: no HTML string is involved. */
export function renderMath(source: string, element: HTMLElement, isBlock: boolean): void {
  katex.render(source, element, {
    displayMode: isBlock,
    throwOnError: false,
    strict: 'ignore',
    trust: false,
    maxExpand: 500,
    maxSize: 20,
  });
}
