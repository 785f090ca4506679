import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Chat, ChatMessage, ChatSettings } from '../../src/contracts/chats.ts';
import type { Run } from '../../src/contracts/runs.ts';
import { ServerProcess } from '../faults/server-process.ts';
import { type NativeClient, nativeClient } from '../fixtures/native-client.ts';
import {
  inTerminal,
  type Program,
  type RunningServer,
  runProgram,
  startProgram,
  startServer,
  temporaryFolder,
} from '../program.ts';

type ChatServer = RunningServer & { client: NativeClient; environment: { CORRAL_HOME: string } };

async function chatServer(): Promise<ChatServer> {
  const home = temporaryFolder(onTestFinished);
  const server = await startServer(home);
  onTestFinished(() => void server.program.process.kill('SIGKILL'));
  return { ...server, client: nativeClient(server.address), environment: { CORRAL_HOME: home } };
}

/** From now on every answer has so many tokens. */
const answersOf = (client: NativeClient, maxNewTokens: number): Promise<unknown> =>
  client.call('PUT', '/api/preferences', { settings: { sampling: { maxNewTokens, ignoreEos: true } } });

/** Longer than any test lasts. */
const longAnswer = 4000;

async function onlyChat(client: NativeClient): Promise<Chat> {
  const { chats } = await client.call<{ chats: Chat[] }>('GET', '/api/chats');
  expect(chats).toHaveLength(1);
  return chats[0]!;
}

async function lastMessage(client: NativeClient): Promise<ChatMessage> {
  const { messages } = await client.open((await onlyChat(client)).id);
  return messages.at(-1)!;
}

const says = (program: Program): Promise<void> => expect.poll(() => program.output()).not.toBe('');

/** What still stands on the screen: of each line what was written after it was last erased. */
const screenOf = (program: Program): string =>
  program
    .output()
    .replaceAll('\r\n', '\n')
    .split('\n')
    .map((line) => line.split('\u001B[2K').at(-1))
    .join('\n');

test('a chat that is gone on with keeps every setting but the one that is given', async () => {
  const { client, environment } = await chatServer();
  const settings: ChatSettings = {
    model: 'cria',
    systemPrompt: 'Be brief.',
    sampling: { maxNewTokens: 4, ignoreEos: true, stop: ['###'] },
  };
  const chatId = await client.newChat(settings);
  const said = await runProgram(['chat', '--continue', '--temperature', '0', '--json', 'hello'], {
    environment,
  });
  const { chat, messages } = await client.open(chatId);
  expect(chat.settings).toEqual({ ...settings, sampling: { ...settings.sampling, temperature: 0 } });
  expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant']);
  expect(JSON.parse(said.stdout)).toMatchObject({ reason: 'length', tokens: 4, text: messages[1]?.content });
  const both = await runProgram(['chat', '--continue', '--temporary', 'a secret'], { environment });
  expect(both).toMatchObject({
    code: 64,
    stderr: expect.stringContaining('exclude each other') as string,
    stdout: '',
  });
  expect((await client.open(chatId)).messages).toHaveLength(2);
});

test('a conversation changes one setting on top of what the page changed, and its answers stay on the screen', async () => {
  const { client, environment } = await chatServer();
  const program = startProgram(['chat', '--system', 'Be brief.'], {
    environment,
    before: inTerminal,
    input: 'pipe',
  });
  const type = (text: string): unknown => program.process.stdin?.write(text);
  await expect.poll(() => program.output()).toContain('› ');
  const { id, settings } = await onlyChat(client);
  const sampling = { maxNewTokens: 4, ignoreEos: true };
  await client.call('PATCH', `/api/chats/${id}`, { settings: { ...settings, sampling } });
  type('/model cria\n');
  const expected = { model: 'cria', systemPrompt: 'Be brief.', sampling };
  await expect.poll(async () => (await client.open(id)).chat.settings).toEqual(expected);
  type('hello\n');
  await expect.poll(() => program.output()).toContain('tokens/s');
  expect(screenOf(program)).toContain(`\n${(await lastMessage(client)).content}\n`);
  const longer = { ...expected, sampling: { ...sampling, maxNewTokens: longAnswer } };
  await client.call('PATCH', `/api/chats/${id}`, { settings: longer });
  type('go on\n');
  // The answer before it is complete and has a text as well.
  const isWritten = async (): Promise<boolean> => {
    const { state, content } = await lastMessage(client);
    return state === 'running' && content !== '';
  };
  await expect.poll(isWritten).toBe(true);
  type('\u0003');
  await expect.poll(async () => (await lastMessage(client)).state).toBe('stopped');
  type('/quit\n');
  expect((await program.ended).code).toBe(0);
});

test('an answer that Ctrl-C stops is kept and no success', async () => {
  const { client, environment } = await chatServer();
  await answersOf(client, longAnswer);
  const program = startProgram(['chat', 'a long story'], { environment });
  await says(program);
  program.process.kill('SIGINT');
  const { code, stderr, stdout } = await program.ended;
  expect({ code, stderr }).toEqual({ code: 130, stderr: 'corral: the answer was stopped\n' });
  expect(await lastMessage(client)).toMatchObject({ state: 'stopped', content: stdout.slice(0, -1) });
});

test('a temporary chat leaves nothing in a server, also where it is stopped', async () => {
  const { client, environment } = await chatServer();
  await answersOf(client, longAnswer);
  const program = startProgram(['chat', '--temporary', 'a long story'], { environment });
  await says(program);
  const { runs } = await client.call<{ runs: Run[] }>('GET', '/api/runs');
  expect(runs).toHaveLength(1);
  const { chatId } = runs[0]!;
  expect((await client.open(chatId)).chat.temporary).toBe(true);
  program.process.kill('SIGINT');
  expect((await program.ended).code).toBe(130);
  await expect(client.open(chatId)).rejects.toThrow('404');
});

test('Ctrl-C while everything is still starting says nothing to the model', async () => {
  const environment = { CORRAL_HOME: temporaryFolder(onTestFinished) };
  const program = startProgram(['chat', 'hello'], { environment });
  const lock = join(environment.CORRAL_HOME, 'lock');
  await expect.poll(() => existsSync(lock), { interval: 5 }).toBe(true);
  program.process.kill('SIGINT');
  expect(await program.ended).toMatchObject({ code: 130, stdout: '' });
  const { stdout } = await runProgram(['history', 'export'], { environment });
  expect(JSON.parse(stdout)).toMatchObject({ chats: [] });
});

test.each(['SIGTERM', 'SIGKILL'] as const)(
  'a server that goes with %s leaves a part of an answer, which is no success',
  async (signal) => {
    const { client, environment, program: server } = await chatServer();
    await answersOf(client, longAnswer);
    const program = startProgram(['chat', 'a long story'], { environment });
    await says(program);
    server.process.kill(signal);
    const { code, stderr } = await program.ended;
    expect(stderr).toMatch(/^corral: the server went away before its answer was whole\nStart it again/u);
    expect(code).toBe(74);
  },
);

test('an answer that outlives its engine is printed once, as the chat has it', async () => {
  const home = temporaryFolder(onTestFinished);
  const server = await ServerProcess.start({ home, clockFile: join(home, 'clock') });
  onTestFinished(() => server.kill());
  const client = nativeClient(server.address);
  await answersOf(client, 2000);
  const program = startProgram(['chat', 'a long story'], { environment: { CORRAL_HOME: home } });
  await says(program);
  for (const pid of server.engines()) process.kill(pid, 'SIGKILL');
  const { code, stdout } = await program.ended;
  const { content, outcome } = await lastMessage(client);
  expect({ code, stdout }).toEqual({ code: 0, stdout: `${content}\n` });
  expect(outcome?.resumed).toBe(true);
});
