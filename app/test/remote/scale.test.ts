import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Run } from '../../src/contracts/runs.ts';
import { startPostgres } from '../postgres/start-postgres.ts';
import { freePort, root, startProgram, temporaryFolder } from '../program.ts';
import * as fixtures from './service-fixtures.ts';
import { json, startService, stream } from './stand-in-service.ts';

const composeFile = join(root, 'docs', 'scale', 'compose.yaml');

/** Lines of `services.corral` below `name:`, without their indentation. */
function block(name: string): string[] {
  const lines = readFileSync(composeFile, 'utf8').split('\n');
  const start = lines.indexOf('  corral:');
  const end = lines.findIndex((line, index) => index > start && /^ {2}\S/.test(line));
  const service = lines.slice(start + 1, end);
  const at = service.findIndex((line) => line.startsWith(`    ${name}:`));
  const after = service.slice(at + 1);
  const length = after.findIndex((line) => !line.startsWith('      '));
  return [service[at] ?? '', ...after.slice(0, length)].map((line) => line.trim());
}

/** `${NAME:-default}` and `${NAME:?message}` as Compose fills them in, one inside the other as well. */
function fill(text: string, values: Record<string, string>): string {
  const at = text.indexOf('${');
  if (at < 0) return text;
  let [depth, end] = [1, at + 2];
  for (; depth > 0 && end < text.length; end++) {
    if (text.startsWith('${', end)) depth += 1;
    if (text[end] === '}') depth -= 1;
  }
  const [, name = '', operator, rest = ''] = /^(\w+)(:-|:\?)?(.*)$/s.exec(text.slice(at + 2, end - 1)) ?? [];
  const given = values[name] ?? '';
  if (given === '' && operator === ':?') throw new Error(`${name}: ${rest}`);
  const value = given === '' && operator === ':-' ? fill(rest, values) : given;
  return text.slice(0, at) + value + fill(text.slice(end), values);
}

/** The container's environment as Compose would make it: of the file as it stands, and an operator's `.env`. */
function environmentOf(operator: Record<string, string>): Record<string, string> {
  const [, ...lines] = block('environment');
  return Object.fromEntries(
    lines
      .filter((line) => !line.startsWith('#'))
      .map((line) => {
        const [, name = '', value = ''] = /^(\w+): (.*)$/.exec(line) ?? [];
        if (name === '') throw new Error(`not understood: ${line}`);
        return [name, fill(value, operator)];
      }),
  );
}

test('it runs the image of docs/deploy.md', () => {
  const [folder = ''] = block('build').map((line) => line.replace('build: ', ''));
  expect(existsSync(join(dirname(composeFile), folder, 'Dockerfile'))).toBe(true);
});

test('without a key or a password the file says what is missing', () => {
  expect(() => environmentOf({})).toThrow('CORRAL_ACCESS_KEY: a key of at least 16 characters');
  expect(() => environmentOf({ CORRAL_ACCESS_KEY: 'k' })).toThrow('POSTGRES_PASSWORD');
});

test('what stands in the shell of whoever starts it moves the server neither from its port nor from its address', () => {
  const operator = { CORRAL_ACCESS_KEY: 'k', POSTGRES_PASSWORD: 'p', HOST: 'my-machine', PORT: '3000' };
  const { HOST, PORT } = environmentOf(operator);
  expect(HOST).toBe('0.0.0.0');
  expect(block('ports')).toEqual([`ports: ['${PORT}:${PORT}']`]);
  expect(readFileSync(join(root, 'Dockerfile'), 'utf8')).toContain(`http://127.0.0.1:${PORT}/healthz/ready`);
});

test('with nothing but these two, Corral finds the services of the file by their names', () => {
  const environment = environmentOf({ CORRAL_ACCESS_KEY: 'k'.repeat(16), POSTGRES_PASSWORD: 'p' });
  expect(environment).toMatchObject({
    HOST: '0.0.0.0',
    DATABASE_URL: 'postgres://corral:p@postgres:5432/corral',
    CORRAL_PROVIDER_VLLM_URL: 'http://vllm:8000/v1',
    CORRAL_MODEL: 'vllm:meta-llama/Llama-3.1-8B-Instruct',
  });
});

test(
  'the Corral side of the compose file starts as it stands and answers through vLLM, kept in PostgreSQL',
  { timeout: 300_000 },
  async () => {
    const postgres = await startPostgres();
    onTestFinished(() => postgres.stop());
    const vllm = await startService({
      'GET /v1/models': json(200, fixtures.vllm.models),
      'POST /v1/chat/completions': stream(fixtures.vllm.stream),
    });
    onTestFinished(() => vllm.close());
    const port = String(await freePort());
    const accessKey = 'a-key-of-more-than-16';
    const environment = environmentOf({
      CORRAL_ACCESS_KEY: accessKey,
      POSTGRES_PASSWORD: 'unused',
      DATABASE_URL: await postgres.url('compose'),
      VLLM_URL: `${vllm.url}/v1`,
      MODEL: fixtures.vllm.model,
    });
    const [command = ''] = block('command');
    const words = [...command.matchAll(/'([^']*)'/g)].map(([, word = '']) => word);
    const program = startProgram(words, {
      // No container, so its port is this machine's.
      environment: {
        ...environment,
        PORT: port,
        CORRAL_HOME: temporaryFolder(onTestFinished),
        HF_HUB_OFFLINE: '1',
      },
    });
    onTestFinished(() => void program.process.kill('SIGKILL'));
    const call = async <Answer>(method: string, path: string, body?: object): Promise<Answer> => {
      const answer = await fetch(`http://localhost:${port}${path}`, {
        method,
        headers: { 'content-type': 'application/json', authorization: `Bearer ${accessKey}` },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return (await answer.json()) as Answer;
    };
    await expect
      .poll(
        () =>
          fetch(`http://localhost:${port}/healthz/ready`).then(
            ({ ok }) => ok,
            () => false,
          ),
        { timeout: 60_000 },
      )
      .toBe(true);
    const chat = await call<{ id: string }>('POST', '/api/chats', {});
    const { runs } = await call<{ runs: Run[] }>('POST', `/api/chats/${chat.id}/runs`, {
      input: { kind: 'message', content: 'Hello' },
    });
    const path = `/api/runs/${runs[0]!.id}`;
    await expect
      .poll(async () => (await call<Run>('GET', path)).endReason, { timeout: 60_000 })
      .toBe('stop-string');
    const opened = await call<{ messages: { content: string }[] }>('GET', `/api/chats/${chat.id}`);
    expect(opened.messages[1]?.content).toBe(fixtures.vllm.text);
    expect(vllm.seen.at(-1)?.authorization).toBe('Bearer corral-asks-vllm');
    const system = await call<{ versions: { store: string } }>('GET', '/api/system');
    expect(system.versions.store).toContain('postgres');
  },
);
