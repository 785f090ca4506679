import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { uuidv7 } from 'uuidv7';
import { expect, onTestFinished, test } from 'vitest';
import type { LogStatus } from '../../src/contracts/api/log.ts';
import type { ImportResult } from '../../src/contracts/api/transfer.ts';
import { openLogSink } from '../fixtures/log-sink.ts';
import { runProgram, startServer, temporaryFolder } from '../program.ts';

test('history goes in and out, without a server and with the texts unit for unit', async () => {
  const home = temporaryFolder(onTestFinished);
  const environment = { CORRAL_HOME: home };
  const file = join(temporaryFolder(onTestFinished), 'chat_history.json');
  const history = {
    trip: [
      { role: 'user', content: 'Where to? 🐂\n' },
      { role: 'assistant', content: 'North.' },
    ],
  };
  writeFileSync(file, `\uFEFF${JSON.stringify(history)}`);
  const first = await runProgram(['history', 'import', file], { environment });
  expect(first).toMatchObject({ code: 0, stdout: '1 chats with 2 messages were taken in (chat_history)\n' });
  const again = await runProgram(['history', 'import', file, '--json'], { environment });
  expect(JSON.parse(again.stdout)).toMatchObject({ chats: 0, passedOver: 1 });
  const exported = await runProgram(['history', 'export', '--format', 'chat_history'], { environment });
  expect(Object.values(JSON.parse(exported.stdout) as object)).toEqual([history.trip]);
  const out = join(home, 'export.md');
  const written = await runProgram(['history', 'export', '--format', 'markdown', '--out', out], {
    environment,
  });
  expect(written.code).toBe(0);
  expect(readFileSync(out, 'utf8')).toContain('# trip\n\n## You\n\nWhere to? 🐂\n');
  const over = await runProgram(['history', 'export', '--out', out], { environment });
  expect(over).toMatchObject({ code: 75, stderr: expect.stringContaining('Name another file.') as string });
  const wrong = await runProgram(['history', 'import', out], { environment });
  expect(wrong).toMatchObject({ code: 65, stderr: expect.stringContaining('is not JSON') as string });
  const format = await runProgram(['history', 'export', '--format', 'xml'], { environment });
  expect(format.code).toBe(64);
});

test('our own export is taken in whatever its size, but for a chat that is too large alone', async () => {
  const environment = { CORRAL_HOME: temporaryFolder(onTestFinished) };
  const file = join(temporaryFolder(onTestFinished), 'all.json');
  const chat = (title: string, bytes: number): object => ({
    // A field that nobody knows is passed over, so nothing but its size counts.
    chat: { title, filler: '-'.repeat(bytes) },
    messages: [{ id: uuidv7(), parentId: null, role: 'user', content: 'Hi' }],
  });
  const half = 66_000_000;
  const chats = [
    chat('one', half),
    chat('two', half),
    chat('huge', 2.2 * half),
    { chat: 7 },
    chat('three', 0),
  ];
  writeFileSync(file, JSON.stringify({ format: 'corral', version: 1, chats }));
  const taken = await runProgram(['history', 'import', file, '--json'], { environment });
  expect(JSON.parse(taken.stdout)).toMatchObject({ chats: 3, messages: 3, passedOver: 0 });
  expect((JSON.parse(taken.stdout) as ImportResult).skipped).toEqual([
    { index: 2, reason: expect.stringContaining('at most 134217728') as string },
    { index: 3, reason: expect.stringContaining('chat') as string },
  ]);
  writeFileSync(file, JSON.stringify([chat('one', half), chat('two', half), chat('three', half)]));
  const foreign = await runProgram(['history', 'import', file], { environment });
  expect(foreign.code).not.toBe(0);
  expect(foreign.stderr).toContain('Split it into several files');
});

test('an export is whole or not there: with --json, in a format that is no JSON, and on a full disk', async () => {
  const environment = { CORRAL_HOME: temporaryFolder(onTestFinished) };
  const folder = temporaryFolder(onTestFinished);
  const file = join(folder, 'chat_history.json');
  const history = { long: [{ role: 'user', content: 'far '.repeat(100_000) }] };
  writeFileSync(file, JSON.stringify(history));
  expect((await runProgram(['history', 'import', file], { environment })).code).toBe(0);
  const json = await runProgram(['history', 'export', '--json'], { environment });
  expect(JSON.parse(json.stdout)).toMatchObject({ format: 'corral', chats: [{ chat: { title: 'long' } }] });
  const markdown = await runProgram(['history', 'export', '--json', '--format', 'markdown'], { environment });
  expect(markdown.code).toBe(64);
  expect(JSON.parse(markdown.stdout)).toMatchObject({ error: { code: 'usage' } });
  const disk = `mount -t tmpfs -o size=64k tmpfs ${folder} && { "$@"; code=$?; ls ${folder}; exit $code; }`;
  const full = await runProgram(['history', 'export', '--out', join(folder, 'all.json')], {
    environment,
    before: ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c', disk, 'sh'],
  });
  expect(full).toMatchObject({ code: 74, stdout: '' });
  expect(full.stderr).toContain('the disk is full');
});

test('an answer reaches the log sink; status and replay speak with the running server', async () => {
  const sink = await openLogSink();
  onTestFinished(() => sink.close());
  const home = temporaryFolder(onTestFinished);
  const environment = { CORRAL_HOME: home, LOGGING_URL: sink.url, LOGGING_SECRET: 'a-plain-secret' };
  const server = await startServer(home, { environment });
  onTestFinished(() => void server.program.process.kill('SIGKILL'));
  const call = async <Answer>(path: string, body: object): Promise<Answer> => {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${server.address}${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    return (await answer.json()) as Answer;
  };
  sink.behave((response) => response.writeHead(410).end());
  const { id } = await call<{ id: string }>('/api/chats', {});
  const settings = { sampling: { maxNewTokens: 8, ignoreEos: true } };
  await call(`/api/chats/${id}/runs`, { input: { kind: 'message', content: 'log me' }, settings });
  const status = async (): Promise<LogStatus> =>
    JSON.parse((await runProgram(['log', 'status', '--json'], { environment })).stdout) as LogStatus;
  let seen = await status();
  for (let round = 0; round < 40 && !seen.disabled; round++) seen = await status();
  expect(seen).toMatchObject({ mode: 'full', signed: true, pending: 1, delivered: 0 });
  expect(seen.disabled?.reason).toContain('410');
  sink.behave((response) => response.end());
  const replayed = await runProgram(['log', 'replay'], { environment });
  expect(replayed).toMatchObject({ code: 0 });
  for (let round = 0; round < 40 && seen.delivered === 0; round++) seen = await status();
  expect(seen).toMatchObject({ pending: 0, delivered: 1, disabled: null });
  const { body, headers } = sink.received.at(-1)!;
  expect(headers['webhook-signature']).toMatch(/^v1,/u);
  expect(JSON.parse(body)).toMatchObject({
    conversation_id: id,
    messages: [{ role: 'user', content: 'log me' }, {}],
  });
  expect((await server.stop()).code).toBe(0);
});
