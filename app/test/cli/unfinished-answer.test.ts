import { expect, onTestFinished, test } from 'vitest';
import { nativeClient } from '../fixtures/native-client.ts';
import { runProgram, startServer, temporaryFolder } from '../program.ts';
import * as fixtures from '../remote/service-fixtures.ts';
import { type Handler, json, startService, stream } from '../remote/stand-in-service.ts';

/** As many as a run may be found in one place, after which it is given up. */
const commands = ['list', 'show cria', 'log status', 'list', 'config', 'list', 'log status', 'list', 'list'];

test('commands between a stop and the next start leave an unfinished answer to that start', async () => {
  const { vllm } = fixtures;
  const silent: Handler = () => undefined;
  const service = await startService({
    'GET /v1/models': json(200, vllm.models),
    'POST /v1/chat/completions': silent,
  });
  onTestFinished(service.close);
  const asked = (): number => service.seen.filter(({ method }) => method === 'POST').length;
  const home = temporaryFolder(onTestFinished);
  const environment = { CORRAL_HOME: home, CORRAL_PROVIDER_SVC_URL: service.url };
  const start = async () => {
    const server = await startServer(home, { environment });
    onTestFinished(() => void server.program.process.kill('SIGKILL'));
    return { server, client: nativeClient(server.address) };
  };

  const first = await start();
  const chatId = await first.client.newChat({ model: `svc:${vllm.model}` });
  const { runId } = await first.client.start(chatId, 'Tell me');
  await expect.poll(asked, { timeout: 60_000 }).toBe(1);
  await first.server.stop();

  for (const command of commands) {
    expect(await runProgram(command.split(' '), { environment })).toMatchObject({ code: 0 });
  }
  const early = await runProgram(['chat', '--continue', 'And then?'], { environment });
  expect(early.stderr).toContain('npm start goes on with it');
  expect(asked()).toBe(1);

  service.handlers['POST /v1/chat/completions'] = stream(vllm.stream);
  const second = await start();
  expect(await second.client.ended(runId)).toMatchObject({ endReason: 'stop-string', error: null });
  expect((await second.client.open(chatId)).messages.at(-1)?.content).toBe(vllm.text);
  await second.server.stop();
});
