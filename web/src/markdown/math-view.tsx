import { useEffect, useRef, useState } from 'react';

type Render = (source: string, element: HTMLElement, isBlock: boolean) => void;
let loading: Promise<Render> | null = null;

/** What could not be fetched is asked for again by the next formula. */
async function loadMath(): Promise<Render> {
  loading ??= import('./katex-render.ts').then((module) => module.renderMath);
  try {
    return await loading;
  } catch (error) {
    loading = null;
    throw error;
  }
}

/** A formula; until KaTeX is here, and where it fails, its source. */
export function MathView({ source, isBlock }: { source: string; isBlock: boolean }) {
  const holder = useRef<HTMLSpanElement>(null);
  const [isDrawn, setDrawn] = useState(false);
  useEffect(() => {
    let isCurrent = true;
    const draw = async (): Promise<void> => {
      try {
        const render = await loadMath();
        if (!isCurrent || !holder.current) return;
        render(source, holder.current, isBlock);
        setDrawn(true);
      } catch {
        holder.current?.replaceChildren();
        setDrawn(false);
      }
    };
    void draw();
    return () => {
      isCurrent = false;
    };
  }, [source, isBlock]);
  return (
    <span className={isBlock ? 'math math--block' : 'math'} dir="ltr">
      <span ref={holder} />
      {!isDrawn && <code>{source}</code>}
    </span>
  );
}
