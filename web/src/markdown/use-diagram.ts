import { useEffect, useState } from 'react';
import { isDark } from '../state/appearance.ts';
import { useStore } from '../state/store.ts';
import type { DiagramTheme, draughtsman, Picture } from './diagram-client.ts';

type Client = typeof draughtsman;

let client: Client | undefined;

async function load(): Promise<Client> {
  client ??= (await import('./diagram-client.ts')).draughtsman;
  return client;
}

/** As the frame refuses it: a longer one is shown as its text. */
const maxDiagramCharacters = 20_000;

interface Shown {
  code: string;
  theme: DiagramTheme;
  picture: Picture | null;
}

/** The picture of a diagram's text; null until there is one, and where the text is none. */
export function useDiagram(code: string): Picture | null {
  const theme: DiagramTheme = useStore(isDark) ? 'dark' : 'light';
  const isDrawable = code.length <= maxDiagramCharacters;
  const recalled = isDrawable ? client?.recall(code, theme) : null;
  const [shown, setShown] = useState<Shown | null>(null);
  useEffect(() => {
    if (!isDrawable || recalled !== undefined) return;
    let isCurrent = true;
    const draw = async (): Promise<void> => {
      const picture = await (await load()).draw(code, theme);
      if (isCurrent) setShown({ code, theme, picture });
    };
    // Where the files do not come the text stays.
    void draw().catch(() => undefined);
    return () => {
      isCurrent = false;
    };
  }, [code, theme, isDrawable, recalled]);
  if (!isDrawable) return null;
  // Until it is drawn in the other theme's colours, the one that is there stays.
  return recalled ?? (shown?.code === code ? shown.picture : null);
}
