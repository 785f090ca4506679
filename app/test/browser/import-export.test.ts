import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { inBrowser } from './in-browser.ts';
import { answered, say, servePage } from './open-page.ts';

const here = inBrowser(() => servePage(), { isServerOfTest: true });
const openData = () => here.open({ path: '/#/settings/data' });

async function importFile(page: Page, name: string, content: unknown): Promise<void> {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  await page
    .getByLabel('Import chats')
    .setInputFiles({ name, mimeType: 'application/json', buffer: Buffer.from(text) });
}

const chatGptExport = [
  {
    title: 'Coats of many colours',
    create_time: 1_700_000_000.5,
    update_time: 1_700_000_100,
    current_node: 'second-answer',
    mapping: {
      root: { parent: null, children: ['question'], message: null },
      question: {
        parent: 'root',
        children: ['first-answer', 'second-answer'],
        message: { author: { role: 'user' }, content: { content_type: 'text', parts: ['Which colour?'] } },
      },
      'first-answer': {
        parent: 'question',
        children: [],
        message: { author: { role: 'assistant' }, content: { content_type: 'text', parts: ['Grey.'] } },
      },
      'second-answer': {
        parent: 'question',
        children: [],
        message: { author: { role: 'assistant' }, content: { content_type: 'text', parts: ['Brown.'] } },
      },
    },
  },
];

const messages = [
  { role: 'user', content: 'Where to?' },
  { role: 'assistant', content: 'North.' },
];
const imports = [
  { content: { trip: messages }, title: 'trip', question: 'Where to?', answer: 'North.' },
  { content: { shed: [['Shut?', 'It is.']] }, title: 'shed', question: 'Shut?', answer: 'It is.' },
  {
    content: chatGptExport,
    title: 'Coats of many colours',
    question: 'Which colour?',
    answer: 'Brown.',
    versions: '2/2',
  },
];

test('chat_history.json in both forms and an export of ChatGPT become chats, opened from the notice', async () => {
  const { page } = await openData();
  for (const { content, title, question, answer, versions } of imports) {
    await page.goto(`${here.server.address}/#/settings/data`);
    await importFile(page, 'file.json', content);
    await page.getByText('1 chat imported').waitFor();
    await page.locator('.chat-row', { hasText: title }).waitFor();
    await page.locator('.toast').getByRole('button', { name: 'Open' }).click();
    await expect.poll(() => page.title()).toContain(title);
    expect(await page.locator('.message--person .bubble').innerText()).toBe(question);
    expect(await page.locator('.message--answer .prose').innerText()).toBe(answer);
    if (versions) expect(await page.locator('.branches').innerText()).toContain(versions);
    // It goes on as any other chat does.
    await say(page, 'and then?');
    await expect.poll(() => page.locator('.message--answer').count()).toBe(2);
    expect(await answered(page)).toContain('and then?');
  }
});

test('a wrong file says why, a known one that it is here already, and what could not be read is counted', async () => {
  const { page } = await openData();
  await importFile(page, 'notes.txt', 'no JSON at all');
  await page.getByText('the file cannot be read: it is not JSON').waitFor();
  await importFile(page, 'package.json', { name: 'corral', version: 1 });
  await page.getByText('the file is none of the formats that can be imported').waitFor();
  expect(await page.locator('.toast').last().innerText()).toContain('chat_history.json');
  const history = { trip: [{ role: 'user', content: 'Where to?' }], broken: 7 };
  await importFile(page, 'chat_history.json', history);
  await page.getByText('1 chat imported').waitFor();
  await page.getByText('One entry was left out: session "broken" is no list of messages.').waitFor();
  await importFile(page, 'chat_history.json', { trip: history.trip });
  await page.getByText('1 chat was here already.').waitFor();
  await expect.poll(() => page.locator('.chat-row').count()).toBe(1);
});

async function download(page: Page, begin: () => Promise<void>): Promise<{ name: string; text: string }> {
  const [saved] = await Promise.all([page.waitForEvent('download'), begin()]);
  return { name: saved.suggestedFilename(), text: readFileSync(await saved.path(), 'utf8') };
}

interface Exported {
  chats: { chat: { title: string }; messages: { content: string }[]; receipts: { endReason: string }[] }[];
}

/** What each format must hold of a chat with this question and its answer. */
const formats: Record<string, { extension: string; check: (text: string, question: string) => void }> = {
  'JSON, everything': {
    extension: 'json',
    check: (text, question) => {
      const { chats } = JSON.parse(text) as Exported;
      const chat = chats.find(({ messages }) => messages[0]?.content === question);
      expect(chat?.messages[1]?.content).toContain(`You said "${question}"`);
      expect(chat?.receipts[0]?.endReason).toBe('stop');
    },
  },
  Markdown: {
    extension: 'md',
    check: (text, question) =>
      expect(text).toMatch(new RegExp(`## You\n\n${question}\n\n## Assistant \\(scripted\\)\n\nYou said "`)),
  },
  ShareGPT: {
    extension: 'jsonl',
    check: (text, question) => {
      const lines = text.trim().split('\n');
      const chats = lines.map((line) => JSON.parse(line) as { conversations: object[] });
      const chat = chats.find(({ conversations }) => JSON.stringify(conversations).includes(question));
      expect(chat?.conversations).toMatchObject([{ from: 'human', value: question }, { from: 'gpt' }]);
    },
  },
  'chat_history.json': {
    extension: 'json',
    check: (text, question) => {
      const chats = Object.values(JSON.parse(text) as Record<string, { content: string }[]>);
      const chat = chats.find(([first]) => first?.content === question);
      expect(chat).toMatchObject([{ role: 'user' }, { role: 'assistant' }]);
    },
  },
};

async function writeTwoChats(page: Page): Promise<void> {
  for (const question of ['how warm is wool', 'how tall is a gate']) {
    await page.getByRole('button', { name: 'New chat' }).first().click();
    await say(page, question);
    await answered(page);
  }
}

test('one chat is exported in each format, and one answer as a file', async () => {
  const { page } = await openData();
  await writeTwoChats(page);
  const row = page.locator('.chat-row[data-current]');
  for (const [format, { extension, check }] of Object.entries(formats)) {
    const { name, text } = await download(page, async () => {
      await row.hover();
      await row.getByRole('button').click();
      await page.getByRole('menuitem', { name: 'Export' }).hover();
      await page.getByRole('menuitem', { name: format, exact: true }).click();
    });
    expect(name).toMatch(new RegExp(`\\.${extension}$`));
    check(text, 'how tall is a gate');
    expect(text).not.toContain('how warm is wool');
  }
  const answer = await download(page, async () => {
    await page.locator('.message--answer').getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Save as Markdown' }).click();
  });
  expect(answer.name).toMatch(/\.md$/);
  expect(answer.text).toContain('You said "how tall is a gate"');
});

test('everything is exported in each format; erased, it comes back from the file with its receipts', async () => {
  const { page } = await openData();
  await writeTwoChats(page);
  await page.goto(`${here.server.address}/#/settings/data`);
  let everything = '';
  for (const [format, { extension, check }] of Object.entries(formats)) {
    const { name, text } = await download(page, () =>
      page.getByRole('button', { name: format, exact: true }).click(),
    );
    expect(name).toMatch(new RegExp(`\\.${extension}$`));
    check(text, 'how warm is wool');
    check(text, 'how tall is a gate');
    if (format === 'JSON, everything') everything = text;
  }
  await page.getByRole('button', { name: 'Erase everything' }).click();
  const dialog = page.getByRole('dialog', { name: 'Erase every chat?' });
  await dialog.getByText('not from copies kept elsewhere').waitFor();
  await dialog.getByRole('button', { name: 'Erase everything' }).click();
  await page.getByText('2 chats erased').waitFor();
  await expect.poll(() => page.locator('.chat-row').count()).toBe(0);
  await page.goto(`${here.server.address}/#/settings/data`);
  await importFile(page, 'corral.json', everything);
  await page.getByText('2 chats imported').waitFor();
  await page.locator('.chat-row').nth(1).waitFor();
  const again = await here.server.call('GET', '/api/export?format=chat_history');
  formats['chat_history.json']?.check(again.text, 'how warm is wool');
  await page.locator('.chat-row a').first().click();
  await page.locator('.message--answer').getByRole('button', { name: 'Receipt' }).click();
  await expect.poll(() => page.locator('.receipt').innerText()).toMatch(/Model\s+scripted[^]*Ended because/);
  await expect.poll(() => page.locator('.message--answer .message__figures').innerText()).toMatch(/tok\/s/);
});
