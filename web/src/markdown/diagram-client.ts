import library from '@mermaid-js/tiny/dist/mermaid.tiny.js?url';
import { strings } from '../strings.ts';

export interface Picture {
  address: string;
  width: number;
  height: number;
  /** What the diagram says of itself, for those who do not see it; may be empty. */
  title: string;
}

interface Drawn extends Omit<Picture, 'address'> {
  svg: string;
}

type Answer = { isReady: true } | { id: number; picture: Drawn | null };

/** A diagram that takes longer is shown as its text. */
const patienceMs = 15_000;
const rememberedCount = 60;

/** The colours of tokens.css, in the only notation that the library reads. */
const themes = {
  light: {
    isDark: false,
    ground: '#fcfaf6',
    box: '#f6f3ed',
    line: '#928b83',
    ink: '#251e18',
    soft: '#645c55',
    wash: '#fce8de',
    accent: '#b25630',
    // Grounds of what is counted: the ink is read on each.
    shares: ['#e3b9a4', '#d9d2c4', '#b9c9b4', '#d3c08f', '#b3c1d1', '#d1b5c1'],
  },
  dark: {
    isDark: true,
    ground: '#171310',
    box: '#201c19',
    line: '#736e67',
    ink: '#e7e4df',
    soft: '#9c9792',
    wash: '#372b23',
    accent: '#da8659',
    shares: ['#7a4a35', '#575149', '#4d6048', '#6b5a2d', '#46566a', '#644556'],
  },
};
export type DiagramTheme = keyof typeof themes;

function settingsOf(theme: DiagramTheme): object {
  const { isDark, ground, box, line, ink, soft, wash, accent, shares } = themes[theme];
  const counted = Array.from({ length: 12 }, (_, index) => shares[index % shares.length]);
  return {
    theme: 'base',
    fontFamily: 'system-ui, sans-serif',
    themeVariables: {
      darkMode: isDark,
      background: box,
      mainBkg: ground,
      primaryColor: ground,
      primaryBorderColor: line,
      primaryTextColor: ink,
      secondaryColor: wash,
      secondaryBorderColor: accent,
      secondaryTextColor: ink,
      tertiaryColor: box,
      tertiaryBorderColor: line,
      tertiaryTextColor: ink,
      lineColor: soft,
      textColor: ink,
      noteBkgColor: wash,
      noteBorderColor: accent,
      noteTextColor: ink,
      actorBkg: ground,
      pieStrokeColor: box,
      pieOuterStrokeWidth: '0px',
      pieOpacity: 1,
      ...Object.fromEntries(
        counted.flatMap((colour, index) => [
          [`pie${index + 1}`, colour],
          [`cScale${index}`, colour],
          [`cScaleLabel${index}`, ink],
        ]),
      ),
      edgeLabelBackground: box,
      // Lines rather than shadows.
      useGradient: false,
      dropShadow: 'none',
      fontSize: '14px',
    },
  };
}

/** Draws diagrams in one frame for the whole page, apart from it: what is in a diagram's text cannot reach the page. */
class Draughtsman {
  #frame: HTMLIFrameElement | null = null;
  #ready: Promise<Window> | null = null;
  #nextId = 1;
  readonly #waiting = new Map<number, (drawn: Drawn | null) => void>();
  readonly #remembered = new Map<string, Picture | null>();

  recall(source: string, theme: DiagramTheme): Picture | null | undefined {
    return this.#remembered.get(`${theme}\n${source}`);
  }

  /** Null where the text is no diagram. */
  async draw(source: string, theme: DiagramTheme): Promise<Picture | null> {
    const known = this.recall(source, theme);
    if (known !== undefined) return known;
    const drawn = await this.#ask(source, theme);
    const picture = drawn && {
      address: URL.createObjectURL(new Blob([drawn.svg], { type: 'image/svg+xml' })),
      width: drawn.width,
      height: drawn.height,
      title: drawn.title,
    };
    this.#remember(`${theme}\n${source}`, picture);
    return picture;
  }

  #remember(key: string, picture: Picture | null): void {
    this.#remembered.set(key, picture);
    if (this.#remembered.size <= rememberedCount) return;
    const [oldest, gone] = this.#remembered.entries().next().value ?? [];
    if (oldest !== undefined) this.#remembered.delete(oldest);
    if (gone) URL.revokeObjectURL(gone.address);
  }

  #ask(source: string, theme: DiagramTheme): Promise<Drawn | null> {
    const id = this.#nextId++;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#giveUp(), patienceMs);
      this.#waiting.set(id, (drawn) => {
        clearTimeout(timer);
        resolve(drawn);
      });
      const order = { id, source, theme: settingsOf(theme), library };
      // The frame has no origin that could be named here; it is ours, and nobody else's text is sent.
      void this.#open().then((frame) => frame.postMessage(order, '*'));
    });
  }

  /** A frame that is caught in a diagram is taken away with all that waits for it; the next one gets another. */
  #giveUp(): void {
    this.#frame?.remove();
    this.#frame = null;
    this.#ready = null;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const done of waiting) done(null);
  }

  #open(): Promise<Window> {
    this.#ready ??= new Promise((resolve) => {
      const frame = document.createElement('iframe');
      frame.src = '/diagram.html';
      frame.setAttribute('sandbox', 'allow-scripts');
      frame.className = 'drawing-frame';
      frame.title = strings.markdown.diagram;
      frame.tabIndex = -1;
      frame.setAttribute('aria-hidden', 'true');
      addEventListener('message', ({ source, data }: MessageEvent<Answer>) => {
        if (source === null || source !== frame.contentWindow) return;
        if ('isReady' in data) resolve(frame.contentWindow);
        else this.#answer(data.id, data.picture);
      });
      document.body.append(frame);
      this.#frame = frame;
    });
    return this.#ready;
  }

  #answer(id: number, drawn: Drawn | null): void {
    const done = this.#waiting.get(id);
    this.#waiting.delete(id);
    done?.(drawn);
  }
}

export const draughtsman = new Draughtsman();
