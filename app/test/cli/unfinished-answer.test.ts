import { expect, onTestFinished, test } from 'vitest';
import type { Receipt } from '../../src/contracts/runs.ts';
import { nativeClient } from '../fixtures/native-client.ts';
import { runProgram, startProgram, startServer, temporaryFolder } from '../program.ts';
import { vllm } from '../remote/service-fixtures.ts';
import { type Handler, json, startService, stream } from '../remote/stand-in-service.ts';

/** A busy machine takes seconds for each command. */
const patience = { timeout: 300_000 };

/** Keeps every question waiting until its handler is replaced. */
async function silentService() {
  const silent: Handler = () => undefined;
  const service = await startService({
    'GET /v1/models': json(200, vllm.models),
    'POST /v1/chat/completions': silent,
  });
  onTestFinished(service.close);
  return {
    url: service.url,
    asked: (): number => service.seen.filter(({ method }) => method === 'POST').length,
    answers: () => (service.handlers['POST /v1/chat/completions'] = stream(vllm.stream)),
  };
}

test('commands between a stop and the next start leave an unfinished answer to it', patience, async () => {
  const { url, asked, answers } = await silentService();
  const home = temporaryFolder(onTestFinished);
  const environment = { CORRAL_HOME: home, CORRAL_PROVIDER_SVC_URL: url };
  const start = async () => {
    const server = await startServer(home, { environment });
    onTestFinished(() => void server.program.process.kill('SIGKILL'));
    return { server, client: nativeClient(server.address) };
  };

  const first = await start();
  const chatId = await first.client.newChat({ model: `svc:${vllm.model}` });
  const { runId } = await first.client.start(chatId, 'Tell me');
  await expect.poll(asked, { timeout: 60_000 }).toBe(1);
  const early = await runProgram(['chat', '--continue', 'And then?'], { environment });
  expect(early.stderr).toContain('the answer before this message is still being written');
  await first.server.stop();

  for (const command of ['list', 'log status']) {
    expect(await runProgram(command.split(' '), { environment })).toMatchObject({ code: 0 });
  }
  expect(asked()).toBe(1);

  answers();
  const second = await start();
  expect(await second.client.ended(runId)).toMatchObject({ endReason: 'stop-string', error: null });
  // Found unfinished once. Eight times where it was the time before, and it would have been given up.
  const receipt = await second.client.call<Receipt>('GET', `/api/runs/${runId}/receipt`);
  expect(receipt.resumedAt).toHaveLength(1);
  expect((await second.client.open(chatId)).messages.at(-1)?.content).toBe(vllm.text);
  await second.server.stop();
});

test('without a server a chat goes on after an answer that a kill left', patience, async () => {
  const { url, asked, answers } = await silentService();
  const environment = {
    CORRAL_HOME: temporaryFolder(onTestFinished),
    CORRAL_PROVIDER_SVC_URL: url,
    CORRAL_MODEL: `svc:${vllm.model}`,
  };
  const killed = startProgram(['chat', 'Tell me'], { environment });
  await expect.poll(asked, { timeout: 60_000 }).toBe(1);
  killed.process.kill('SIGKILL');
  await killed.ended;

  answers();
  const next = await runProgram(['chat', '--continue', 'And then?'], { environment });
  expect(next).toMatchObject({ code: 0, stdout: expect.stringContaining(vllm.text.trim()) as string });
  expect(next.stderr).toContain('never finished');
  const after = await runProgram(['chat', '--continue', 'And then?'], { environment });
  expect(after).toMatchObject({ code: 0, stderr: expect.not.stringContaining('never finished') as string });
});
