import { afterEach } from 'vitest';
import { answerOf, chatRequest, type Answer } from '../../src/engine/contract/answers.ts';
import type { Sampling } from '../../src/contracts/sampling.ts';
import { openModel, type RemoteModel, type RemoteModelOptions } from './remote-model.ts';
import * as fixtures from './service-fixtures.ts';
import { json, startService, type StandInService } from './stand-in-service.ts';

/** What a test starts here ends with it. */
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

export async function service(handlers: StandInService['handlers']): Promise<StandInService> {
  const started = await startService(handlers);
  closing.push(started.close);
  return started;
}

export async function model(options: RemoteModelOptions): Promise<RemoteModel> {
  const opened = await openModel(options);
  closing.push(opened.close);
  return opened;
}

export const chatPath = 'POST /v1/chat/completions';
export const listPath = 'GET /v1/models';
export const falcon = 'tiiuae/falcon-7b-instruct';

/** A vLLM that lists Falcon and does this when asked to chat. */
export async function vllm(chat: StandInService['handlers'][string], more: Partial<RemoteModelOptions> = {}) {
  const started = await service({ [listPath]: json(200, fixtures.vllm.models), [chatPath]: chat });
  const provider = { kind: 'openai', url: started.url, key: 'secret-key-1' } as const;
  return { service: started, ...(await model({ provider, model: falcon, ...more })) };
}

export const ask = (
  opened: Pick<RemoteModel, 'engine'>,
  sampling: Sampling = {},
  signal?: AbortSignal,
): Promise<Answer> =>
  answerOf(opened.engine.generate(chatRequest('Hello', { maxNewTokens: 50, ...sampling }), signal));
