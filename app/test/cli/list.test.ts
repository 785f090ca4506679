import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { nativeClient } from '../fixtures/native-client.ts';
import { writeTinyGguf } from '../fixtures/tiny-gguf.ts';
import { runProgram, startServer, temporaryFolder } from '../program.ts';
import { vllm } from '../remote/service-fixtures.ts';
import { json, startService } from '../remote/stand-in-service.ts';

test(
  'the list marks the model that new chats use, also where the page chose it',
  { timeout: 300_000 },
  async () => {
    const home = temporaryFolder(onTestFinished);
    const environment = { CORRAL_HOME: home };
    const marked = async (): Promise<string[]> =>
      (await runProgram(['list'], { environment })).stdout.split('\n').filter((line) => line.includes(' *'));
    const { path } = await writeTinyGguf(temporaryFolder(onTestFinished), {
      type: 'q8_0',
      contextTokens: 4096,
    });
    expect(await runProgram(['import', path], { environment })).toMatchObject({ code: 0 });
    expect(await marked()).toEqual([expect.stringMatching(/^cria \*/)]);
    const server = await startServer(home, { environment });
    onTestFinished(() => void server.program.process.kill('SIGKILL'));
    await nativeClient(server.address).call('PUT', '/api/preferences', { settings: { model: 'tiny' } });
    expect(await marked()).toEqual([expect.stringMatching(/^tiny \*/)]);
    const { stdout } = await runProgram(['list', '--json'], { environment });
    expect(JSON.parse(stdout)).toMatchObject({ defaultModel: 'tiny' });
    await server.stop();
  },
);

test('a look at the models of one service does not make the bundled one ready', async () => {
  const service = await startService({ 'GET /v1/models': json(200, vllm.models) });
  onTestFinished(service.close);
  const home = temporaryFolder(onTestFinished);
  const environment = { CORRAL_HOME: home, CORRAL_PROVIDER_SVC_URL: service.url };
  const { stdout } = await runProgram(['list', '--provider', 'svc', '--json'], { environment });
  expect(JSON.parse(stdout)).toMatchObject({ models: [{ id: `svc:${vllm.model}` }], defaultModel: 'cria' });
  expect(existsSync(join(home, 'models', 'blobs'))).toBe(false);
});
