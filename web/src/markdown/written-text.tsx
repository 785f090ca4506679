import { memo, useMemo, useState } from 'react';
import { strings } from '../strings.ts';
import { CodeBlock } from './code-block.tsx';
import { showControls } from './entities.ts';

type Piece = { start: number } & (
  | { type: 'text'; text: string }
  | { type: 'code'; code: string; language: string }
);

const fence = /^(`{3,}|~{3,})([^\n`]*)\n([\s\S]*?)\n?^\1[`~]*[^\S\n]*$/gm;

/** What a person wrote: shown as typed, except fenced code, which is shown as code. */
export function writtenPieces(text: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  const push = (end: number): void => {
    const between = text.slice(at, end).replace(/^\n+|\n+$/g, '');
    if (between !== '') pieces.push({ start: at, type: 'text', text: between });
  };
  for (const match of text.matchAll(fence)) {
    push(match.index);
    pieces.push({
      start: match.index,
      type: 'code',
      code: match[3] ?? '',
      language: (match[2] ?? '').trim().split(/\s+/)[0] ?? '',
    });
    at = match.index + match[0].length;
  }
  push(text.length);
  return pieces;
}

/** More is folded: a bubble with a book in it would hold the page. */
const foldedCharacters = 20_000;

function Written({ text }: { text: string }) {
  const [isUnfolded, setUnfolded] = useState(false);
  const isFolded = !isUnfolded && text.length > foldedCharacters;
  return (
    <>
      <p className="written" dir="auto">
        {showControls(isFolded ? text.slice(0, foldedCharacters) : text)}
      </p>
      {isFolded && (
        <button type="button" className="code__more" onClick={() => setUnfolded(true)}>
          {strings.markdown.showCharacters(text.length - foldedCharacters)}
        </button>
      )}
    </>
  );
}

export const WrittenText = memo(function WrittenText({ text }: { text: string }) {
  const pieces = useMemo(() => writtenPieces(text), [text]);
  return pieces.map((piece) =>
    piece.type === 'code' ? (
      <CodeBlock key={piece.start} code={piece.code} language={piece.language} />
    ) : (
      <Written key={piece.start} text={piece.text} />
    ),
  );
});
