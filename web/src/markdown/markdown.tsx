import { memo, useMemo, useState } from 'react';
import { BlockSplitter, splitBlocks, type Block } from './block-splitter.ts';
import { CodeBlock } from './code-block.tsx';
import { HeadingDepths, headingDepths } from './heading.tsx';
import { lexBlock, linksOf, noLinks, type Links } from './lexer.ts';
import { renderTokens } from './render-tokens.tsx';

/** Text with more than this is shown as plain text: no reader needs its markup. */
const maxMarkdownCharacters = 1_000_000;
/** A block longer than this, such as one endless line, is not looked at for inline markup. */
const maxBlockCharacters = 100_000;

type Repair = (text: string) => string;

/** Completes half-typed markup for the eye; until it is loaded, text is shown as it comes. */
let repair: Repair = (text) => text;
async function loadRepair(): Promise<void> {
  try {
    ({ repair } = await import('./repair.ts'));
  } catch {
    // Without a network text goes on being shown as it comes.
  }
}
void loadRepair();

interface BlockViewProps {
  raw: string;
  links: Links;
  /** The block may still grow: half-typed markup is completed for the eye. */
  isGrowing: boolean;
}

const BlockView = memo(function BlockView({ raw, links, isGrowing }: BlockViewProps) {
  if (raw.length > maxBlockCharacters) return <p className="plain">{raw}</p>;
  const source = isGrowing ? repair(raw) : raw;
  return renderTokens(lexBlock(source, links));
});

interface Summary {
  /** Link definitions of the whole text. */
  links: Links;
  /** Heading depths of the whole text, in order. */
  depths: string;
}

const summaries = new WeakMap<Block, Summary>();

/** What one block says about the whole; finished blocks are looked at once. */
function summaryOf(block: Block): Summary {
  const known = summaries.get(block);
  if (known) return known;
  const made = block.openFence
    ? { links: noLinks, depths: '' }
    : { links: linksOf(block.raw), depths: headingDepths(block.raw) };
  summaries.set(block, made);
  return made;
}

/** One answer while it grows: what was split off is not looked at again, and equal links stay the same object. */
class GrowingText {
  #splitter: BlockSplitter | null = null;
  #links = noLinks;
  #linksText = '{}';

  blocks(text: string, isStreaming: boolean): Block[] {
    if (!isStreaming) {
      this.#splitter = null;
      return splitBlocks(text);
    }
    const known = this.#splitter?.text ?? '';
    if (!this.#splitter || !text.startsWith(known)) this.#splitter = new BlockSplitter();
    this.#splitter.append(text.slice(this.#splitter.text.length));
    return this.#splitter.blocks();
  }

  summary(blocks: readonly Block[]): Summary {
    const links: Links = {};
    const depths = new Set<string>();
    for (const block of blocks) {
      const summary = summaryOf(block);
      for (const depth of summary.depths) depths.add(depth);
      if (summary.links !== noLinks)
        for (const [name, link] of Object.entries(summary.links)) links[name] ??= link;
    }
    const text = JSON.stringify(links);
    if (text !== this.#linksText) {
      this.#linksText = text;
      this.#links = links;
    }
    return { links: this.#links, depths: [...depths].sort().join('') };
  }
}

export interface MarkdownProps {
  text: string;
  isStreaming?: boolean;
}

/** An answer: every finished block is drawn once, only the last one again while text comes in. */
export const Markdown = memo(function Markdown({ text, isStreaming = false }: MarkdownProps) {
  if (text.length > maxMarkdownCharacters) return <p className="plain">{text}</p>;
  return <Blocks text={text} isStreaming={isStreaming} />;
});

function Blocks({ text, isStreaming }: Required<MarkdownProps>) {
  const [growing] = useState(() => new GrowingText());
  const blocks = useMemo(() => growing.blocks(text, isStreaming), [growing, text, isStreaming]);
  const { links, depths } = useMemo(() => growing.summary(blocks), [growing, blocks]);
  const last = blocks.length - 1;
  return (
    <HeadingDepths value={depths}>
      <div className="prose">
        {blocks.map((block, index) =>
          block.openFence ? (
            <CodeBlock key={block.start} {...block.openFence} isOpen={isStreaming} />
          ) : (
            <BlockView
              key={block.start}
              raw={block.raw}
              links={links}
              isGrowing={isStreaming && index === last}
            />
          ),
        )}
      </div>
    </HeadingDepths>
  );
}
