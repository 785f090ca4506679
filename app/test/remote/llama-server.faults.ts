import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { startLlamaServer, type Service } from '../../bench/llama-peer.ts';
import { answerOf, chatRequest } from '../../src/engine/contract/answers.ts';
import { describeEngine } from '../../src/engine/engine.contract.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { writeTinyGguf } from '../fixtures/tiny-gguf.ts';
import { openModel } from './remote-model.ts';

/** The contract suite against the llama-server that LLAMA_SERVER names. */
const program = process.env['LLAMA_SERVER'] ?? '';
if (!existsSync(program)) throw new Error(`LLAMA_SERVER must name llama.cpp's llama-server: ${program}`);

const folder = mkdtempSync(join(tmpdir(), 'corral-llama-server-'));
const closing: (() => Promise<void>)[] = [];
let server: Promise<Service> | null = null;

const start = async (): Promise<Engine> => {
  server ??= (async () => {
    const { path } = await writeTinyGguf(folder, { contextTokens: 4096 });
    return startLlamaServer(program, path, ['-c', '4096', '-np', '4', '-t', '2']);
  })();
  const { url } = await server;
  const models = (await (await fetch(`${url}/v1/models`)).json()) as { data: { id: string }[] };
  const opened = await openModel({ provider: { kind: 'openai', url }, model: models.data[0]!.id });
  expect(opened.engine.describe().engineRelease).toBe('llama-server');
  closing.push(opened.close);
  return opened.engine;
};

afterAll(async () => {
  for (const close of closing) await close();
  await (await server)?.close();
  rmSync(folder, { recursive: true, force: true });
});

test('what was written before is not said again by an answer that goes on', async () => {
  const engine = await start();
  const messages = [
    { role: 'user' as const, content: 'Say something' },
    { role: 'assistant' as const, content: 'Once upon' },
  ];
  const prompt = { kind: 'chat' as const, messages, continueAnswer: true };
  const { text, end } = await answerOf(engine.generate(chatRequest('', { maxNewTokens: 4 }, { prompt })));
  expect(end.reason).toBe('length');
  expect(text).not.toContain('Once upon');
});

describeEngine({
  name: 'openai engine, at a llama-server',
  start,
  skips: {
    'exact-counts': "the service's tokenizer is not here, so counts are estimates and say so",
    tokens: 'the service does not tell its tokens',
    render: 'the service does not show the rendered prompt',
    score: 'the service scores no given text',
    embed: 'the service gives no directions of texts',
    state: 'whatever the service keeps of a chat is its own',
    'stop-reason': 'llama-server does not say in this dialect which stop string ended an answer',
    seed: 'logits at a llama-server depend on how the batch was cut and on what its cache holds',
    grammar: 'a random tiny model runs into the token limit before a JSON object is whole',
  },
});
