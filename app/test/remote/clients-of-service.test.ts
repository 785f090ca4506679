import { afterEach, expect, test } from 'vitest';
import { samplingDefaults } from '../../src/contracts/sampling-defaults.ts';
import { scriptedModels, startServer, type RunningServer } from '../fixtures/running-server.ts';
import { chatPath, listPath, service } from './asked-service.ts';
import { openLoader } from './remote-model.ts';
import * as fixtures from './service-fixtures.ts';
import { json, stream, type Handler, type StandInService } from './stand-in-service.ts';

/** What clients of the other protocols are told where the model is one of a service. */

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const contextTokens = 256;

/** A service of this owner with a context of 256, and a server whose only model it has. */
async function opened(
  owner: string,
  chat: Handler,
): Promise<{ server: RunningServer; asked: StandInService }> {
  const list = { data: [{ id: 'm', object: 'model', owned_by: owner, max_model_len: contextTokens }] };
  const asked = await service({ [listPath]: json(200, list), [chatPath]: chat });
  const remote = openLoader({ provider: { name: 'svc', kind: 'openai', url: asked.url } });
  const source = { kind: 'remote', id: 'svc:m', provider: 'svc', model: 'm' } as const;
  const models = { ...scriptedModels(), resolve: async () => source };
  const server = await startServer({ models, loaders: [remote.loader] });
  closing.push(remote.close, () => server.close());
  return { server, asked };
}

const answer = stream(fixtures.vllm.stream);
const postsOf = ({ seen }: StandInService) => seen.filter(({ method }) => method === 'POST');
const words = (count: number) => [{ role: 'user', content: 'word '.repeat(count) }];

/** Takes so many messages and refuses more as too long, as vLLM does. */
const takesMessages =
  (most: number): Handler =>
  (request, response) => {
    const { messages } = request.body as { messages: unknown[] };
    const message = `This model's maximum context length is ${contextTokens} tokens. However, you requested 999 tokens.`;
    const refuse = json(400, { object: 'error', message, type: 'BadRequestError', code: 400 });
    return messages.length <= most ? answer(request, response) : refuse(request, response);
  };

test('what only an estimate calls too long is for a service to judge that refuses such prompts', async () => {
  const { server, asked } = await opened('vllm', takesMessages(1));
  // 286 by estimate, and 201 by most tokenizers.
  const fits = await server.call('POST', '/v1/chat/completions', { messages: words(200) });
  expect(fits.status).toBe(200);
  const long = { messages: [...words(200), ...words(200)] };
  const refused = await server.call('POST', '/v1/chat/completions', long);
  expect(refused).toMatchObject({ status: 400, body: { error: { code: 'context_length_exceeded' } } });
  expect(JSON.stringify(refused.body)).not.toContain('has 2');
  expect(postsOf(asked)).toHaveLength(2);
});

test('one that may cut a prompt in silence is not asked, and the figure is said to be an estimate', async () => {
  const { server, asked } = await opened('somebody', answer);
  const refused = await server.call('POST', '/v1/chat/completions', { messages: words(200) });
  expect(refused).toMatchObject({ status: 400, body: { error: { code: 'context_length_exceeded' } } });
  expect(JSON.stringify(refused.body)).toMatch(/by estimate 2\d\d tokens/);
  expect(postsOf(asked)).toHaveLength(0);
});

test('a conversation that the service refuses as too long goes on in Gradio without its oldest messages', async () => {
  const { server, asked } = await opened('vllm', takesMessages(3));
  const history = Array.from({ length: 6 }, (_, index) => ({
    role: index % 2 === 0 ? 'user' : 'assistant',
    content: `Turn ${index}`,
  }));
  const data = ['And now?', null, null, null, null, null, null, history];
  const { status, body } = await server.call('POST', '/gradio_api/run/chat', { data });
  expect(status).toBe(200);
  expect(body['data']).toEqual([fixtures.vllm.text]);
  expect(JSON.stringify(body['log'])).toContain('no longer sees the first 4 messages');
  expect(postsOf(asked).at(-1)?.body['messages']).toHaveLength(3);
});

const hello = [{ role: 'user', content: 'Hello' }];

test.each([
  ['grammar', { grammar: 'root ::= "yes" | "no"' }],
  ['logit_bias', { logit_bias: { 7: -100 } }],
  ['ignore_eos', { ignore_eos: true }],
])('what binds an answer and the service does not take is refused by name: %s', async (param, field) => {
  const { server, asked } = await opened('somebody', answer);
  const refused = await server.call('POST', '/v1/chat/completions', { messages: hello, ...field });
  expect(refused).toMatchObject({ status: 400, body: { error: { code: 'unsupported_field', param } } });
  expect(postsOf(asked)).toHaveLength(0);
  // A refusal holds the model for nobody.
  expect(server.engines.loaded()).toMatchObject([{ id: 'svc:m', users: 0 }]);
});

test('fields that bind nothing are taken, and what only shapes the draw is told as ignored', async () => {
  const { server } = await opened('somebody', answer);
  const harmless = { logit_bias: {}, ignore_eos: false, grammar: '', min_p: null, temperature: 0.5 };
  const plain = await server.call('POST', '/v1/chat/completions', { messages: hello, ...harmless });
  expect(plain.status).toBe(200);
  expect(plain.body).not.toHaveProperty('ignored');
  const shaped = { messages: hello, ...harmless, top_k: 10, repeat_penalty: 1.1, repeat_last_n: 64 };
  const ignored = ['top_k', 'repeat_penalty', 'repeat_last_n'];
  const whole = await server.call('POST', '/v1/chat/completions', shaped);
  expect(whole.status).toBe(200);
  expect(whole.body['ignored']).toEqual(ignored);
  const { text } = await server.call('POST', '/v1/chat/completions', { ...shaped, stream: true });
  expect(text).toContain(`"ignored":${JSON.stringify(ignored)}`);
});

test('TGI clients are told what of theirs was ignored, and nothing that they did not send', async () => {
  const raw = 'POST /v1/completions';
  const { server, asked } = await opened('somebody', answer);
  asked.handlers[raw] = answer;
  const plain = { inputs: 'Hello', parameters: { max_new_tokens: 9 } };
  expect((await server.call('POST', '/generate', plain)).body).not.toHaveProperty('ignored');
  expect((await server.call('POST', '/generate_stream', plain)).text).not.toContain('ignored');
  // LangChain sends this one unasked.
  const shaped = { inputs: 'Hello', parameters: { top_k: 10, typical_p: 0.9 } };
  const told = { ignored: ['top_k', 'typical_p'] };
  expect((await server.call('POST', '/generate', shaped)).body).toMatchObject(told);
  expect((await server.call('POST', '/generate_stream', shaped)).text).toContain(
    '"ignored":["top_k","typical_p"]',
  );
});

test('Gradio says so before the answer, and not of the defaults that Python’s client sends', async () => {
  const { server } = await opened('somebody', answer);
  const { temperature, topK, topP, repetitionPenalty, maxNewTokens } = samplingDefaults;
  const run = async (top: number) => {
    const data = ['Hello', '', temperature, top, topP, repetitionPenalty, maxNewTokens, null];
    return (await server.call('POST', '/gradio_api/run/chat', { data })).body;
  };
  const plain = await run(topK);
  expect(plain['data']).toEqual([fixtures.vllm.text]);
  expect(plain).not.toHaveProperty('log');
  expect(await run(topK + 1)).toMatchObject({
    data: [fixtures.vllm.text],
    log: { log: 'The service behind svc:m does not take: top_k.' },
  });
});
