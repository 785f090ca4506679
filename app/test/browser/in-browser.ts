import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { launch, openPage, type WatchedPage } from './open-page.ts';

/** What a file of browser tests stands on, once its hooks have run. */
export interface InBrowser<Server> {
  readonly browser: Browser;
  readonly server: Server;
  /** A page in a context of its own. After the test it is closed, and must have had no problem. */
  open(options?: OpenOptions): Promise<WatchedPage>;
}

export type OpenOptions = BrowserContextOptions & {
  path?: string;
  /** Another way to the server. */
  address?: string;
  /** Problems that this page cannot but have. */
  expected?: RegExp;
};

export interface InBrowserOptions {
  /** Switches for the browser. */
  switches?: readonly string[];
  /** A server for each test instead of one for all. */
  isServerOfTest?: boolean;
  /** For the start, where it takes longer. */
  timeoutMs?: number;
}

/** The smallest screen that the page is made for, with fingers for a mouse. */
export const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true } as const;

interface Server {
  address: string;
  close(): Promise<void>;
}

const noServer = (): Promise<Server> => Promise.resolve({ address: '', close: () => Promise.resolve() });

/**
 * Registers what all browser tests of a file share: one browser and one server, pages that are watched and closed.
 * Where a test starts its own server, `start` is left out and each page names its address.
 */
export function inBrowser(start?: undefined, options?: InBrowserOptions): InBrowser<Server>;
export function inBrowser<Started extends Server>(
  start: () => Promise<Started>,
  options?: InBrowserOptions,
): InBrowser<Started>;
export function inBrowser(
  start: () => Promise<Server> = noServer,
  { switches = [], isServerOfTest = false, timeoutMs }: InBrowserOptions = {},
): InBrowser<Server> {
  let browser: Browser;
  let server: Server;
  let opened: { shown: WatchedPage; expected: RegExp | undefined }[] = [];
  beforeAll(async () => {
    browser = await launch(switches);
  });
  afterAll(() => browser.close());
  const [before, after] = isServerOfTest ? [beforeEach, afterEach] : [beforeAll, afterAll];
  before(async () => {
    server = await start();
  }, timeoutMs);
  after(() => server.close());
  afterEach(async () => {
    const pages = opened;
    opened = [];
    for (const { shown } of pages) await shown.context.close();
    for (const { shown, expected } of pages)
      expect(shown.problems.filter((problem) => !expected?.test(problem))).toEqual([]);
  });
  return {
    get browser() {
      return browser;
    },
    get server() {
      return server;
    },
    async open({ address = server.address, expected, ...options } = {}) {
      const shown = await openPage(browser, address, options);
      opened.push({ shown, expected });
      return shown;
    },
  };
}
