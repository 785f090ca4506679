import { expect, onTestFinished, test } from 'vitest';
import { writeTinyGguf } from '../fixtures/tiny-gguf.ts';
import { runProgram, startServer, temporaryFolder } from '../program.ts';

test('show tells what is wrong with the chat template of a model in memory', async () => {
  const folder = temporaryFolder(onTestFinished);
  const home = temporaryFolder(onTestFinished);
  const chatTemplate = "{{ raise_exception('Not today') }}";
  await writeTinyGguf(folder, { type: 'q8_0', contextTokens: 2048, chatTemplate });
  const server = await startServer(home);
  onTestFinished(() => void server.program.process.kill('SIGKILL'));
  const corral = async (...words: string[]): Promise<string> => {
    const { code, stdout, stderr } = await runProgram(words, { environment: { CORRAL_HOME: home }, folder });
    expect(code, stderr).toBe(0);
    return stdout;
  };
  await corral('import', './tiny.gguf');
  expect(await corral('show', 'tiny')).not.toContain('template fault');
  await corral('chat', '--model', 'tiny', 'hello');
  expect(await corral('show', 'tiny')).toContain(
    "template fault The model's chat template refused the chat: Not today; its chats are written in a built-in format instead.\n",
  );
  expect((await server.stop()).code).toBe(0);
});
