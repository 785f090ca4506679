import { expect, test } from 'vitest';
import { startServer } from '../../../test/fixtures/running-server.ts';
import type { Sampling } from '../../contracts/sampling.ts';

test('what means off switches a sampler off, whatever the server would use itself', async () => {
  const seen: Sampling[] = [];
  const answer = (_question: string, { sampling }: { sampling: Sampling }): string => {
    seen.push(sampling);
    return 'ok';
  };
  const running = await startServer({ script: { answer } });
  const messages = [{ role: 'user', content: 'hi' }];
  for (const top_k of [0, -1]) {
    await running.call('POST', '/v1/chat/completions', { messages, top_k, top_p: 0, typical_p: 0 });
    expect(seen.at(-1)).toMatchObject({ topK: 0, topP: 1, typicalP: 1 });
  }
  await running.close();
});
