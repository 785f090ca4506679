import { memo, useMemo, useState } from 'react';
import { strings } from '../strings.ts';
import { CodeBlock } from './code-block.tsx';
import { showControls } from './entities.ts';
import { writtenPieces } from './written-pieces.ts';

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
