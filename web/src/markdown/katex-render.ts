import { render } from 'katex';
import 'katex/dist/katex.min.css';

/** Commands for which KaTeX writes style attributes into its MathML, which the page's policy forbids. */
const styledMathml =
  /\\(?:pmb|boldsymbol|fcolorbox|colorbox|boxed|fbox|cancel|bcancel|xcancel|sout|phase|angl)\b/;

/**
 * What is defined may be used hundreds of times, and KaTeX takes minutes for what fifty kilobytes would say: a formula
 * with definitions has to be short.
 */
const definition = /\\(?:[gex]?def|let|futurelet|(?:re)?newcommand|providecommand)(?![a-zA-Z])/;
const maxDefiningCharacters = 300;

/**
 * KaTeX builds nodes and sets styles through the object model: no HTML string is involved. It throws where the
 * source is no formula; the caller shows the source then.
 */
export function renderMath(source: string, element: HTMLElement, isBlock: boolean): void {
  if (source.length > maxDefiningCharacters && definition.test(source))
    throw new Error('too much is defined');
  render(source, element, {
    displayMode: isBlock,
    throwOnError: true,
    output: styledMathml.test(source) ? 'html' : 'htmlAndMathml',
    strict: 'ignore',
    trust: false,
    maxExpand: 500,
    maxSize: 20,
  });
}
