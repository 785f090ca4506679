import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Chat } from '../../src/contracts/chats.ts';
import { writeTinyRepository } from '../fixtures/models/tiny-repository.ts';
import { nativeClient } from '../fixtures/native-client.ts';
import { writeTinyGguf } from '../fixtures/tiny-gguf.ts';
import { tinyAdapter } from '../hub/tiny-adapter.ts';
import {
  inTerminal,
  type RunningServer,
  runProgram,
  startProgram,
  startServer,
  temporaryFolder,
} from '../program.ts';

/** A server that runs elsewhere, and commands in a folder with a model, its weights and an adapter. */
async function startAt(folder: string): Promise<RunningServer> {
  await writeTinyGguf(folder, { type: 'q8_0', contextTokens: 2048 });
  await writeTinyRepository(join(folder, 'llama'), { dtype: 'f16' });
  mkdirSync(join(folder, 'adapter'));
  for (const [name, content] of Object.entries(tinyAdapter({ base: 'owner/tiny-llama' })))
    writeFileSync(join(folder, 'adapter', name), content);
  const server = await startServer(temporaryFolder(onTestFinished));
  onTestFinished(() => void server.program.process.kill('SIGKILL'));
  return server;
}

async function latestModel({ address }: RunningServer): Promise<string | undefined> {
  const { chats } = await nativeClient(address).call<{ chats: Chat[] }>('GET', '/api/chats');
  return chats[0]?.settings.model;
}

/** As it is typed in a conversation. */
async function changeModel(home: string, folder: string, reference: string): Promise<void> {
  const environment = { CORRAL_HOME: home };
  const program = startProgram(['chat', '--continue'], {
    environment,
    folder,
    before: inTerminal,
    input: 'pipe',
  });
  await expect.poll(() => program.output()).toContain('› ');
  program.process.stdin?.write(`/model ${reference}\n/quit\n`);
  expect((await program.ended).code).toBe(0);
}

test('a path is one of the command’s folder, also where a server elsewhere does the work', async () => {
  const folder = temporaryFolder(onTestFinished);
  const server = await startAt(folder);
  const corral = async (line: string): Promise<string> => {
    const environment = { CORRAL_HOME: server.home };
    const { code, stdout, stderr } = await runProgram(line.split(' '), { environment, folder });
    expect(code, `${line}: ${stderr}`).toBe(0);
    return stdout;
  };
  expect(await corral('pull ./tiny.gguf')).toContain('tiny is ready');
  expect(await corral('show tiny.gguf')).toMatch(/^tiny\n/u);
  expect(await corral('check ./tiny.gguf')).toContain('tiny: is here already');
  const bench = 'bench ./tiny.gguf --prompt-tokens 1 --new-tokens 2 --rounds 1';
  expect(await corral(bench)).toContain('tiny reads');
  await corral('chat --model ./tiny.gguf hello');
  expect(await latestModel(server)).toBe(join(folder, 'tiny.gguf'));
  await changeModel(server.home, folder, './llama');
  expect(await latestModel(server)).toBe(join(folder, 'llama'));
  expect(await corral('pull ./llama+./adapter:q8_0')).toContain('llama-adapter:q8_0 is ready');
  expect(await corral('show ./llama+./adapter:q8_0')).toContain(join(folder, 'adapter'));
  expect(await corral('import llama+./adapter --name mine --quant q8_0')).toContain('mine:q8_0 is ready');
  expect(await corral('show mine')).toContain(join(folder, 'adapter'));
  expect(await corral('adapter add ./adapter --base ./llama+./adapter:q8_0')).toContain('adapter is ready');
  await corral('adapter rm adapter --base ./llama+./adapter:q8_0');
  expect(await corral('rm ./tiny.gguf ./llama+./adapter:q8_0')).toContain('tiny removed');
  expect((await server.stop()).code).toBe(0);
});
