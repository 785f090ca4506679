import { useEffect, useState } from 'react';

/** Files may be dropped anywhere on the page; true while some are held over it. */
export function useDropFiles(add: (files: Iterable<File>) => void): boolean {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    let depth = 0;
    const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') ?? false;
    const end = new AbortController();
    const { signal } = end;
    addEventListener(
      'dragenter',
      (event) => {
        if (!hasFiles(event)) return;
        depth += 1;
        setOver(true);
      },
      { signal },
    );
    addEventListener(
      'dragleave',
      () => {
        depth = Math.max(0, depth - 1);
        if (depth === 0) setOver(false);
      },
      { signal },
    );
    addEventListener('dragover', (event) => hasFiles(event) && event.preventDefault(), { signal });
    addEventListener(
      'drop',
      (event) => {
        depth = 0;
        setOver(false);
        if (!hasFiles(event)) return;
        event.preventDefault();
        add([...(event.dataTransfer?.files ?? [])]);
      },
      { signal },
    );
    return () => end.abort();
  }, [add]);
  return isOver;
}
