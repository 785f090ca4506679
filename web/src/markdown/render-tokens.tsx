import { createElement, Fragment, type ReactNode } from 'react';
import type { Token, Tokens } from 'marked';
import { maxDepth } from './bounded-lexer.ts';
import { decodeEntities, showControls } from './entities.ts';
import type { MathToken } from './lexer.ts';
import { CodeBlock } from './code-block.tsx';
import { Heading } from './heading.tsx';
import { MathView } from './math-view.tsx';
import { readHtml } from './raw-html.ts';
import { RemotePicture } from './remote-picture.tsx';
import { safeAddress } from './safe-address.ts';
import { strings } from '../strings.ts';

/**
 * A block on its own takes the direction of its words. One in a list item or a quotation has none set, because those
 * take theirs from the words in them and pass over what has one; the style sheet has it run as its words do.
 */
const directionAt = (depth: number): 'auto' | undefined => (depth === 1 ? 'auto' : undefined);

interface Frame {
  tag: string;
  children: ReactNode[];
}

/** Children under construction; raw HTML tags open and close frames between the tokens. */
class Builder {
  readonly #frames: Frame[] = [{ tag: '', children: [] }];
  #key = 0;

  add(node: ReactNode): void {
    this.#frames.at(-1)?.children.push(createElement(Fragment, { key: this.#key++ }, node));
  }

  html(raw: string): void {
    for (const piece of readHtml(raw)) {
      if (piece.type === 'text') this.add(showControls(decodeEntities(piece.text)));
      else if (piece.type === 'break') this.add(<br />);
      else if (piece.type === 'close') this.#close(piece.tag);
      else if (this.#frames.length > maxDepth) this.add(`<${piece.tag}>`);
      else this.#frames.push({ tag: piece.tag, children: [] });
    }
  }

  #close(tag: string): void {
    const index = this.#frames.findLastIndex((frame) => frame.tag === tag);
    if (index < 1) return;
    while (this.#frames.length > index) this.#closeTop();
  }

  #closeTop(): void {
    const frame = this.#frames.pop();
    if (frame) this.add(createElement(frame.tag, null, ...frame.children));
  }

  done(): ReactNode {
    while (this.#frames.length > 1) this.#closeTop();
    return createElement(Fragment, null, ...(this.#frames[0]?.children ?? []));
  }
}

export function renderTokens(tokens: readonly Token[] | undefined, depth = 0): ReactNode {
  if (!tokens) return null;
  const builder = new Builder();
  for (const token of tokens) {
    if (depth > maxDepth) builder.add(token.raw);
    else if (token.type === 'html') builder.html((token as Tokens.HTML).text);
    else builder.add(renderToken(token, depth + 1));
  }
  return builder.done();
}

type Renderer = (token: never, depth: number) => ReactNode;

function renderText(token: Tokens.Text, depth: number): ReactNode {
  if (token.tokens) return renderTokens(token.tokens, depth);
  return showControls(decodeEntities(token.text));
}

function renderLink(token: Tokens.Link, depth: number): ReactNode {
  const address = safeAddress(token.href);
  const content = renderTokens(token.tokens, depth);
  if (!address) return <span className="link-off">{content}</span>;
  return (
    <a href={address} target="_blank" rel="noopener noreferrer nofollow" title={token.title ?? address}>
      {content}
    </a>
  );
}

function renderCheckbox({ checked }: Tokens.Checkbox): ReactNode {
  const label = checked ? strings.markdown.done : strings.markdown.notDone;
  return <input type="checkbox" checked={checked} readOnly disabled aria-label={label} />;
}

function renderList(token: Tokens.List, depth: number): ReactNode {
  const items = token.items.map((item, index) => (
    <li key={index} dir="auto" className={item.task ? 'task' : undefined}>
      {renderTokens(item.tokens, depth)}
    </li>
  ));
  if (!token.ordered) return <ul>{items}</ul>;
  return <ol start={token.start === '' ? 1 : token.start}>{items}</ol>;
}

function renderTable(token: Tokens.Table, depth: number): ReactNode {
  const cell = (content: Tokens.TableCell, index: number): ReactNode => {
    const className = content.align ? `align-${content.align}` : undefined;
    const children = renderTokens(content.tokens, depth);
    return content.header ? (
      <th key={index} scope="col" dir="auto" className={className}>
        {children}
      </th>
    ) : (
      <td key={index} dir="auto" className={className}>
        {children}
      </td>
    );
  };
  return (
    <div className="table" role="group" tabIndex={0} aria-label={strings.markdown.table}>
      <table>
        <thead>
          <tr>{token.header.map(cell)}</tr>
        </thead>
        <tbody>
          {token.rows.map((row, index) => (
            <tr key={index}>{row.map(cell)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function renderHeading(token: Tokens.Heading, depth: number): ReactNode {
  return (
    <Heading depth={token.depth} dir={directionAt(depth)}>
      {renderTokens(token.tokens, depth)}
    </Heading>
  );
}

const renderers: Record<string, Renderer> = {
  space: () => null,
  def: () => null,
  hr: () => <hr />,
  br: () => <br />,
  text: renderText,
  escape: (token: Tokens.Escape) => token.text,
  strong: (token: Tokens.Strong, depth) => <strong>{renderTokens(token.tokens, depth)}</strong>,
  em: (token: Tokens.Em, depth) => <em>{renderTokens(token.tokens, depth)}</em>,
  del: (token: Tokens.Del, depth) => <del>{renderTokens(token.tokens, depth)}</del>,
  codespan: (token: Tokens.Codespan) => (
    <code className="code-inline" dir="ltr">
      {showControls(token.text)}
    </code>
  ),
  link: renderLink,
  image: (token: Tokens.Image) => <RemotePicture href={token.href} text={token.text} />,
  paragraph: (token: Tokens.Paragraph, depth) => (
    <p dir={directionAt(depth)}>{renderTokens(token.tokens, depth)}</p>
  ),
  heading: renderHeading,
  code: (token: Tokens.Code) => (
    <CodeBlock code={token.text} language={token.lang?.trim().split(/\s+/)[0] ?? ''} />
  ),
  blockquote: (token: Tokens.Blockquote, depth) => (
    <blockquote dir="auto">{renderTokens(token.tokens, depth)}</blockquote>
  ),
  list: renderList,
  checkbox: renderCheckbox,
  table: renderTable,
  mathBlock: (token: MathToken) => <MathView source={token.text} isBlock />,
  mathInline: (token: MathToken) => <MathView source={token.text} isBlock={false} />,
};

function renderToken(token: Token, depth: number): ReactNode {
  const renderer = renderers[token.type];
  return renderer ? renderer(token as never, depth) : token.raw;
}
