import { join } from 'node:path';
import {
  chromium,
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  type Page,
} from 'playwright-core';
import { startServer, type RunningServer, type RunningServerOptions } from '../fixtures/running-server.ts';
import { findChromium } from './chromium.ts';

const root = join(import.meta.dirname, '..', '..', '..');
export const pageFolder = join(root, 'web', 'dist');

/** Builds the page as `npm start` does; nothing happens where it is up to date. */
export async function buildPage(): Promise<string> {
  const { ensurePageBuilt } = (await import(join(root, 'bin', 'page.mjs'))) as {
    ensurePageBuilt: () => Promise<void>;
  };
  await ensurePageBuilt();
  return pageFolder;
}

/** `more` are switches for the browser, such as a name that leads to this machine. */
export async function launch(more: readonly string[] = []): Promise<Browser> {
  const { executablePath, args } = await findChromium();
  return chromium.launch({ executablePath, args: [...args, ...more], headless: true });
}

/** A page that notes everything that must never happen; `problems` stays empty in a good test. */
export interface WatchedPage {
  page: Page;
  context: BrowserContext;
  /** Violations of the policy, requests to elsewhere, errors nobody caught. */
  problems: string[];
}

/** How long a browser on a busy machine may take for one step. */
const patienceMs = 30_000;

/** Failures of the network that a test brings about itself are told by the browser as well; they are no problem. */
const expected = /Failed to load resource|net::ERR_|WebSocket/;

export async function openPage(
  browser: Browser,
  address: string,
  options: BrowserContextOptions & { path?: string } = {},
): Promise<WatchedPage> {
  const { path = '/', ...contextOptions } = options;
  // What a visit leaves behind for later ones is the subject of few tests.
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    serviceWorkers: 'block',
    ...contextOptions,
  });
  context.setDefaultTimeout(patienceMs);
  const problems: string[] = [];
  const page = await context.newPage();
  await watch(page, address, problems);
  await page.goto(address + path);
  await page.locator('#composer, .view').first().waitFor();
  return { page, context, problems };
}

export async function watch(page: Page, address: string, problems: string[]): Promise<void> {
  const origin = new URL(address).origin;
  page.on('console', (message) => {
    const text = message.text();
    if (/Content Security Policy|Refused to/.test(text)) problems.push(`policy: ${text}`);
    else if (message.type() === 'error' && !expected.test(text)) problems.push(`console: ${text}`);
  });
  page.on('pageerror', (error) => problems.push(`error: ${error.stack ?? error.message}`));
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !/^(?:data|blob|about):/.test(url)) problems.push(`elsewhere: ${url}`);
  });
  // As text: this code runs in the page, whose types this folder does not know.
  await page.addInitScript(`document.addEventListener('securitypolicyviolation', (event) =>
    console.error('Content Security Policy: ' + event.violatedDirective + ' ' + event.blockedURI + ' at ' +
      event.sourceFile + ':' + event.lineNumber + ':' + event.columnNumber));`);
}

/** The real server over real SQLite with the scripted engine, serving the built page. */
export async function servePage(options: RunningServerOptions = {}): Promise<RunningServer> {
  return startServer({ ...options, pageFolder: options.pageFolder ?? (await buildPage()) });
}

export async function say(page: Page, text: string): Promise<void> {
  await page.locator('#composer').fill(text);
  await page.getByRole('button', { name: 'Send', exact: true }).click();
}

/** Waits until the last answer is complete and gives back its text. A real model may take its time on a busy core. */
export async function answered(page: Page, withinMs = patienceMs): Promise<string> {
  // An answer before the last message is another one.
  const last = page.locator('.message').last().and(page.locator('.message--answer'));
  await last.locator('.message__footer').waitFor({ timeout: withinMs });
  return last.locator('.prose').innerText();
}
