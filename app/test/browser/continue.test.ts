import { expect, test } from 'vitest';
import { ollama, vllm, type ServiceFixture } from '../remote/service-fixtures.ts';
import { json, startService, stream } from '../remote/stand-in-service.ts';
import { inBrowser } from './in-browser.ts';
import { answered, say } from './open-page.ts';
import { startCria } from './start-cria.ts';

const serve = ({ models, stream: text }: ServiceFixture) =>
  startService({ 'GET /v1/models': json(200, models), 'POST /v1/chat/completions': stream(text) });

const chunk = (delta: object, reason: string | null) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: reason }] })}\n\n`;

/** All that it may write goes into thoughts that it does not show. */
const thinking: ServiceFixture = {
  ...vllm,
  stream: `${chunk({ role: 'assistant', content: '' }, null)}${chunk({}, 'length')}data: [DONE]\n\n`,
};

const here = inBrowser(
  async () => {
    const services = { goes: await serve(vllm), stays: await serve(ollama), thinks: await serve(thinking) };
    const cria = await startCria({
      environment: {
        CORRAL_PROVIDER_GOES_URL: `${services.goes.url}/v1`,
        CORRAL_PROVIDER_STAYS_URL: `${services.stays.url}/v1`,
        CORRAL_PROVIDER_THINKS_URL: `${services.thinks.url}/v1`,
      },
    });
    return {
      address: cria.address,
      async close() {
        await cria.close();
        await Promise.all(Object.values(services).map((service) => service.close()));
      },
    };
  },
  { timeoutMs: 180_000 },
);

async function chatWith(model: string): Promise<string> {
  const response = await fetch(`${here.server.address}/api/chats`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ settings: { model } }),
  });
  return ((await response.json()) as { id: string }).id;
}

test.each([
  ['goes on with one', `goes:${vllm.model}`, 1],
  ['begins another', `stays:${ollama.model}`, 0],
])(
  'whether a complete answer of a service that %s can be gone on with is seen in its menu',
  async (_what, model, count) => {
    const id = await chatWith(model);
    const { page } = await here.open({ path: `/#/c/${id}` });
    const listed = page.waitForResponse('**/api/providers');
    await say(page, 'Hello');
    await answered(page);
    await listed;
    await page.locator('.message--answer').getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Save as Markdown' }).waitFor();
    await expect.poll(() => page.getByRole('menuitem', { name: 'Continue' }).count()).toBe(count);
  },
);

test('an answer whose tokens were used up before its first word says so, and is asked for again', async () => {
  const { page } = await here.open({ path: `/#/c/${await chatWith(`thinks:${vllm.model}`)}` });
  await say(page, 'Hello');
  const note = page.locator('.end-note');
  await note.getByText('The limit of new tokens was reached before the first word').waitFor();
  expect(await note.getByRole('button', { name: 'Continue' }).count()).toBe(0);
  await note.getByRole('button', { name: 'Try again' }).click();
  await expect.poll(() => page.locator('.message--answer .branches').innerText()).toContain('2/2');
});
