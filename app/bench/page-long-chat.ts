import type { Browser, Page } from 'playwright-core';
import type { RunningServer } from '../test/fixtures/running-server.ts';
import type { BenchContext } from './bench.ts';

/** What the parts of the bench of the page work with. */
export interface Bench {
  context: BenchContext;
  browser: Browser;
  server: RunningServer;
  chatId: string;
}

export const messageCount = 2_000;
export const tokensPerSecond = 100;

const code = '```ts\nexport function graze(herd: Llama[]): number {\n  return herd.length * 2;\n}\n```';
const paragraph =
  'The herd moved slowly over the dry hill while two riders kept to the **shade** and spoke of rain. ';
/** With a list, code and a table. */
export const answer = `${paragraph}\n\n- one\n- two\n\n${code}\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n${paragraph}`;

export async function newPage(browser: Browser): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  return context.newPage();
}

/** Gives its id. A chat that is the same as another is not imported again, so each is about a herd of its own. */
export async function longChat(server: RunningServer, herd = 0): Promise<string> {
  const messages = Array.from({ length: messageCount }, (_, index) =>
    index % 2 === 0
      ? { role: 'user', content: `Question ${index / 2 + 1} about herd ${herd}` }
      : { role: 'assistant', content: answer },
  );
  const { body } = await server.call('POST', '/api/import', { 'the long chat': messages });
  const [id] = (body['chatIds'] ?? []) as string[];
  if (!id) throw new Error(`the import made no chat: ${JSON.stringify(body)}`);
  // Unless it is told otherwise an answer ends after 512 tokens, which is before the typing does.
  await server.call('PATCH', `/api/chats/${id}`, { settings: { sampling: { maxNewTokens: 50_000 } } });
  return id;
}
