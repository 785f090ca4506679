import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { startServer, temporaryFolder } from '../program.ts';
import * as fixtures from './service-fixtures.ts';
import { json, startService, stream } from './stand-in-service.ts';

interface TgiFrame {
  token: { text: string };
  generated_text: string | null;
}

/** Who wrote for TGI may now be answered by vLLM, which tells no tokens: what it says has to come all the same. */
test('streams text to TGI clients of a service that tells no tokens', { timeout: 120_000 }, async () => {
  const service = await startService({
    'GET /v1/models': json(200, fixtures.vllm.models),
    'POST /v1/chat/completions': stream(fixtures.vllm.stream),
    'POST /v1/completions': stream(fixtures.vllm.stream),
  });
  onTestFinished(() => service.close());
  const home = temporaryFolder(onTestFinished);
  const lines = [`CORRAL_PROVIDER_VLLM_URL=${service.url}/v1`, `CORRAL_MODEL=vllm:${fixtures.vllm.model}`];
  writeFileSync(join(home, '.env'), lines.join('\n'));
  const server = await startServer(home, { environment: { CORRAL_HOME: home } });
  onTestFinished(() => void server.program.process.kill('SIGKILL'));
  const answer = await fetch(`${server.address}/generate_stream`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ inputs: 'Hello', parameters: { max_new_tokens: 20 } }),
  });
  const frames = (await answer.text())
    .split('\n')
    .filter((line) => line.startsWith('data:'))
    .map((line) => JSON.parse(line.slice('data:'.length)) as TgiFrame);
  expect(frames.map(({ token }) => token.text).join('')).toBe(fixtures.vllm.text);
  expect(frames.at(-1)?.generated_text).toBe(fixtures.vllm.text);
});
