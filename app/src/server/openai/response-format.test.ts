import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer, type RunningServer } from '../../../test/fixtures/running-server.ts';
import type { GenerateRequest } from '../../engine/engine.ts';

let running: RunningServer;
beforeAll(async () => {
  // It answers with the schema that it was given.
  const answer = (_question: string, { sampling }: GenerateRequest) => JSON.stringify(sampling.jsonSchema);
  running = await startServer({ script: { answer } });
});
afterAll(() => running.close());

const schema = { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] };
const messages = [{ role: 'user', content: 'Who are you?' }];

test.each([
  ['OpenAI', { response_format: { type: 'json_schema', json_schema: { name: 'person', schema } } }],
  ['llama.cpp', { response_format: { type: 'json_object', schema } }],
  ['llama.cpp', { response_format: { type: 'json_schema', schema } }],
  ['llama.cpp', { json_schema: schema }],
  ['huggingface_hub', { response_format: { type: 'json_object', value: schema } }],
  ['TGI', { response_format: { type: 'json', value: schema } }],
  ['TGI', { response_format: { type: 'json', value: JSON.stringify(schema) } }],
  ['TGI', { response_format: { type: 'json_schema', value: { name: 'person', schema } } }],
])('the schema of an answer is taken as %s spells it: %j', async (_whose, spelling) => {
  const { body } = await running.call('POST', '/v1/chat/completions', { messages, ...spelling });
  const [choice] = body['choices'] as { message: { content: string } }[];
  expect(JSON.parse(choice?.message.content ?? '')).toEqual(schema);
});

test.each([
  { type: 'json', value: schema },
  { type: 'json', value: JSON.stringify(schema) },
  { type: 'json_schema', value: schema },
  { type: 'json_schema', value: { name: 'person', schema } },
])('and so it is at /generate: %j', async (grammar) => {
  const { body } = await running.call('POST', '/generate', { inputs: 'Who?', parameters: { grammar } });
  expect(JSON.parse(String(body['generated_text']))).toEqual(schema);
});

test.each([
  ['response_format.json_schema', { response_format: { type: 'json_schema' } }],
  ['response_format.value', { response_format: { type: 'json', value: 'no schema' } }],
  ['response_format.value', { response_format: { type: 'json', value: '[]' } }],
  ['response_format.type', { response_format: { type: 'regex', value: 'a+' } }],
  ['grammar', { grammar: 'root ::= "a"', json_schema: schema }],
  ['grammar', { grammar: 'root ::= "a"', response_format: { type: 'json_object' } }],
])('what cannot be followed is refused by the name of %s: %j', async (field, wrong) => {
  const { status, body } = await running.call('POST', '/v1/chat/completions', { messages, ...wrong });
  expect([status, body]).toMatchObject([400, { error: { param: field } }]);
});
