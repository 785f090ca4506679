import { setTimeout as delay } from 'node:timers/promises';
import type { Browser, CDPSession } from 'playwright-core';

/** Longer than the first page takes even on a busy machine. */
const firstPageMs = 4_000;
/** An empty tab is at rest after this. */
const tabMs = 1_000;

/** Evaluates in a tab that nobody is attached to before and after: for a debugger, V8 looks up every call's place. */
async function evaluateOnce(client: CDPSession, targetId: string, expression: string): Promise<unknown> {
  const { sessionId } = await client.send('Target.attachToTarget', { targetId, flatten: false });
  const answer = new Promise<string>((resolve) =>
    client.once('Target.receivedMessageFromTarget', ({ message }) => resolve(message)),
  );
  const message = JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression } });
  await client.send('Target.sendMessageToTarget', { sessionId, message });
  const { result } = JSON.parse(await answer) as { result: { result: { value?: unknown } } };
  await client.send('Target.detachFromTarget', { sessionId });
  return result.result.value;
}

export interface Visit {
  url: string;
  /** An empty tab is there before; else the browser has to start a process for it first. */
  isTabOpen: boolean;
  /** When it was, in the page's own time. */
  moment: string;
}

/** A first visit, in a new profile: from the start of the navigation to a moment of the page, in ms. */
export async function visit(browser: Browser, { url, isTabOpen, moment }: Visit): Promise<number> {
  const client = await browser.newBrowserCDPSession();
  const { browserContextId } = await client.send('Target.createBrowserContext');
  const { targetId } = await client.send('Target.createTarget', {
    url: isTabOpen ? 'about:blank' : url,
    browserContextId,
  });
  if (isTabOpen) {
    await delay(tabMs);
    await evaluateOnce(client, targetId, `location.href = ${JSON.stringify(url)}; 1`);
  }
  await delay(firstPageMs);
  const value = await evaluateOnce(client, targetId, moment);
  await client.send('Target.disposeBrowserContext', { browserContextId });
  await client.detach();
  if (typeof value !== 'number') throw new Error(`${url} was not ready after ${firstPageMs} ms`);
  return value;
}
