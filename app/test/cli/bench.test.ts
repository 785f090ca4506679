import { expect, onTestFinished, test } from 'vitest';
import { writeTinyGguf } from '../fixtures/tiny-gguf.ts';
import { inTerminal, runProgram, startProgram, startServer, temporaryFolder } from '../program.ts';

interface Bench {
  model: string;
  rounds: { promptTokens: number; newTokens: number }[];
}

const short = ['--prompt-tokens', '200', '--new-tokens', '4', '--rounds', '2'];

async function benched(home: string, ...parameters: string[]): Promise<Bench> {
  const environment = { CORRAL_HOME: home };
  const { code, stdout, stderr } = await runProgram(['bench', ...short, '--json', ...parameters], {
    environment,
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as Bench;
}

test('a bench beside a server reads every prompt anew, and measures the server’s own model', async () => {
  const home = temporaryFolder(onTestFinished);
  const folder = temporaryFolder(onTestFinished);
  const { path } = await writeTinyGguf(folder, { type: 'q8_0', contextTokens: 4096 });
  const imported = await runProgram(['import', path], { environment: { CORRAL_HOME: home } });
  expect(imported).toMatchObject({ code: 0 });
  const server = await startServer(home, { environment: { CORRAL_MODEL: 'tiny' } });
  onTestFinished(() => void server.program.process.kill('SIGKILL'));
  const [first, second] = [await benched(home), await benched(home)];
  for (const { model, rounds } of [first, second]) {
    expect(model).toBe('tiny');
    for (const { promptTokens } of rounds) expect(promptTokens).toBeGreaterThan(150);
  }
  expect((await benched(home, 'cria')).model).toBe('cria');
  expect((await benched(home, '--model', 'cria')).model).toBe('cria');
  expect((await server.stop()).code).toBe(0);
});

test.each([['beside a server'], ['without one']])('Ctrl-C ends a bench, %s', async (place) => {
  const home = temporaryFolder(onTestFinished);
  const environment = { CORRAL_HOME: home };
  const server = place === 'beside a server' ? await startServer(home) : null;
  onTestFinished(() => void server?.program.process.kill('SIGKILL'));
  const long = ['--prompt-tokens', '16', '--new-tokens', '100', '--rounds', '100'];
  const program = startProgram(['bench', ...long], { environment, before: inTerminal, input: 'pipe' });
  await expect.poll(() => program.output()).toContain('round 1 of 100');
  program.process.stdin?.write('\u0003');
  const { code, stdout } = await program.ended;
  expect(code).toBe(130);
  expect(stdout.endsWith('\u001B[2Kcorral: the command was stopped\r\n')).toBe(true);
  expect(stdout).not.toContain('round 99 of 100');
});
