import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer, type RunningServer } from '../../test/fixtures/running-server.ts';
import { familyOf } from './error-answers.ts';
import { chatParameters, gradioFunctions } from './gradio/gradio-api.ts';
import { chatCompletionSchema, textCompletionSchema } from './openai/openai-requests.ts';
import { tgiParametersSchema } from './tgi/tgi-requests.ts';

const page = readFileSync(new URL('../../../docs/compatibility.md', import.meta.url), 'utf8');
const named = new Set([...page.matchAll(/`([^`]+)`/g)].map((match) => match[1]));

let running: RunningServer;
beforeAll(async () => {
  running = await startServer();
});
afterAll(() => running.close());

test('every address of the three dialects is on the page, and every one on the page is served', () => {
  const served = running.server.routes
    .filter(({ method, url }) => familyOf(method, url) !== 'native')
    .map(({ method, url }) => `${method} ${url}`);
  expect(served.filter((address) => !named.has(address))).toEqual([]);
  const written = [...named].filter((text) => /^(GET|POST) \/(?!metrics)/.test(text ?? ''));
  expect(written.filter((address) => !served.includes(address ?? ''))).toEqual([]);
});

test.each([
  ['OpenAI chat', Object.keys(chatCompletionSchema.shape)],
  ['OpenAI completions', Object.keys(textCompletionSchema.shape)],
  ['TGI', Object.keys(tgiParametersSchema.shape)],
  ['Gradio', [...chatParameters.map(({ name }) => name), ...gradioFunctions.map(({ name }) => `/${name}`)]],
])('every field of %s is on the page', (_name, fields) => {
  expect(fields.filter((field) => !named.has(field))).toEqual([]);
});
