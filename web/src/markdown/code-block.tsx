import { memo, useEffect, useMemo, useState, type ReactNode } from 'react';
import { Check, CodeXml, Copy, Download, WrapText } from 'lucide-react';
import { strings } from '../strings.ts';
import { saveFile } from '../ui/browser.ts';
import { copyOrReport } from '../ui/copying.ts';
import { IconButton } from '../ui/icon-button.tsx';
import { highlighter, maxHighlightedCharacters, type HighlightSpan } from './highlight-client.ts';
import { grammarFor } from './highlight-languages.ts';
import { showControls } from './entities.ts';
import { useDiagram } from './use-diagram.ts';

export interface CodeBlockProps {
  code: string;
  language: string;
  /** True while it is being written: plain text, coloured once when it is done. */
  isOpen?: boolean;
}

/** More than this is folded, so that one answer or one endless line cannot hold the page. */
const foldedLines = 400;
const foldedCharacters = 40_000;

/** The beginning of a long text, and what the button says about the rest. */
function foldedText(code: string): { text: string; rest: string } | null {
  if (code.length < 4_000) return null;
  const lines = code.split('\n');
  const text = lines.slice(0, foldedLines).join('\n').slice(0, foldedCharacters);
  if (text.length === code.length) return null;
  const isLines = lines.length > foldedLines && text.length < foldedCharacters;
  const rest = isLines
    ? strings.markdown.showLines(lines.length - foldedLines)
    : strings.markdown.showCharacters(code.length - text.length);
  return { text, rest };
}

function useHighlight(code: string, language: string, isOpen: boolean): HighlightSpan[] | null {
  const grammar = isOpen || code.length > maxHighlightedCharacters ? null : grammarFor(language);
  const recalled = grammar ? highlighter.recall(code, grammar) : undefined;
  const [coloured, setColoured] = useState<{ code: string; spans: HighlightSpan[] } | null>(null);
  useEffect(() => {
    if (!grammar || recalled) return;
    let isCurrent = true;
    const colour = async (): Promise<void> => {
      const spans = await highlighter.highlight(code, grammar);
      if (isCurrent) setColoured({ code, spans });
    };
    void colour();
    return () => {
      isCurrent = false;
    };
  }, [code, grammar, recalled]);
  if (!grammar) return null;
  return recalled ?? (coloured?.code === code ? coloured.spans : null);
}

function CodeText({ code, spans }: { code: string; spans: HighlightSpan[] | null }) {
  if (!spans) return <code>{showControls(code)}</code>;
  return (
    <code>
      {spans.map(([className, text], index) =>
        className ? (
          <span key={index} className={className}>
            {showControls(text)}
          </span>
        ) : (
          showControls(text)
        ),
      )}
    </code>
  );
}

interface FrameProps {
  code: string;
  language: string;
  isWrapped?: boolean;
  /** Buttons before those that every block has. */
  actions: ReactNode;
  children: ReactNode;
}

function CodeFrame({ code, language, isWrapped = false, actions, children }: FrameProps) {
  const [isCopied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    setCopied(await copyOrReport(code));
    setTimeout(() => setCopied(false), 1_500);
  };
  return (
    <figure className="code" data-wrapped={isWrapped || undefined} dir="ltr">
      <figcaption className="code__head">
        <span className="soft small">{language || strings.markdown.plainText}</span>
        <span className="code__actions">
          {actions}
          <IconButton
            label={strings.markdown.saveCode}
            onClick={() => saveFile(`code.${language || 'txt'}`, code)}
          >
            <Download />
          </IconButton>
          <IconButton
            label={isCopied ? strings.copied : strings.markdown.copyCode}
            onClick={() => void copy()}
          >
            {isCopied ? <Check /> : <Copy />}
          </IconButton>
        </span>
      </figcaption>
      {children}
    </figure>
  );
}

interface PlainCodeProps extends Required<CodeBlockProps> {
  actions?: ReactNode;
}

function PlainCode({ code, language, isOpen, actions }: PlainCodeProps) {
  const [isWrapped, setWrapped] = useState(false);
  const [isUnfolded, setUnfolded] = useState(false);
  const folded = useMemo(() => (isOpen || isUnfolded ? null : foldedText(code)), [code, isOpen, isUnfolded]);
  const shown = folded?.text ?? code;
  const spans = useHighlight(shown, language, isOpen);
  const wrap = (
    <IconButton
      label={strings.markdown.wrap}
      isPressed={isWrapped}
      onClick={() => setWrapped((value) => !value)}
    >
      <WrapText />
    </IconButton>
  );
  return (
    <CodeFrame
      code={code}
      language={language}
      isWrapped={isWrapped}
      actions={
        <>
          {actions}
          {wrap}
        </>
      }
    >
      {/* A wide block scrolls sideways, so the keyboard must reach it. */}
      <pre tabIndex={0}>
        <CodeText code={shown} spans={spans} />
      </pre>
      {folded && (
        <button type="button" className="code__more" onClick={() => setUnfolded(true)}>
          {folded.rest}
        </button>
      )}
    </CodeFrame>
  );
}

/** The picture once there is one; its text until then, where it is none, and where one asks for it. */
function Diagram({ code, language }: Pick<CodeBlockProps, 'code' | 'language'>) {
  const [isText, setText] = useState(false);
  const picture = useDiagram(code);
  const toggle = picture && (
    <IconButton
      label={strings.markdown.diagramText}
      isPressed={isText}
      onClick={() => setText((value) => !value)}
    >
      <CodeXml />
    </IconButton>
  );
  if (!picture || isText)
    return <PlainCode code={code} language={language} isOpen={false} actions={toggle} />;
  return (
    <CodeFrame code={code} language={language} actions={toggle}>
      <img
        className="code__diagram"
        src={picture.address}
        width={picture.width}
        height={picture.height}
        alt={picture.title || strings.markdown.diagram}
      />
    </CodeFrame>
  );
}

export const CodeBlock = memo(function CodeBlock({ code, language, isOpen = false }: CodeBlockProps) {
  if (language === 'mermaid' && !isOpen) return <Diagram code={code} language={language} />;
  return <PlainCode code={code} language={language} isOpen={isOpen} />;
});
