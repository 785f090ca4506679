import { afterEach, expect, test } from 'vitest';
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
  closing.push(remote.close, server.close);
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
