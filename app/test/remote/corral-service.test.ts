import { afterAll, expect, test } from 'vitest';
import { describeEngine } from '../../src/engine/engine.contract.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { scriptedModels, startServer, type RunningServer } from '../fixtures/running-server.ts';
import { openLoader, openModel } from './remote-model.ts';

/** Another Corral as the service, over HTTP: the contract suite for each kind, its answers written by a script. */
let corral: RunningServer | null = null;
const closing: (() => Promise<void>)[] = [];

async function address(): Promise<string> {
  corral ??= await startServer();
  return corral.address;
}

async function open(kind: 'openai' | 'tgi' | 'huggingface'): Promise<Engine> {
  const model = await openModel({ provider: { kind, url: await address() }, model: 'scripted' });
  closing.push(model.close);
  return model.engine;
}

afterAll(async () => {
  for (const close of closing) await close();
  await corral?.close();
});

const elsewhere = {
  'exact-counts': "the service's tokenizer is not here, so counts are estimates and say so",
  tokens: 'the service does not tell its tokens',
  render: 'the service does not show the rendered prompt',
  score: 'the service scores no given text',
  embed: 'the service gives no directions of texts',
  state: 'whatever the service keeps of a chat is its own',
  grammar: 'the scripted model behind it has no model that a grammar could bind',
} as const;

describeEngine({ name: 'openai engine, at a Corral', start: () => open('openai'), skips: elsewhere });

describeEngine({ name: 'tgi engine, at a Corral', start: () => open('tgi'), skips: elsewhere });

describeEngine({
  name: 'huggingface engine, at a Corral',
  start: () => open('huggingface'),
  skips: { ...elsewhere },
});

/** A Corral whose only model is one of the Corral behind it. */
async function startInFront(): Promise<RunningServer> {
  const opened = openLoader({ provider: { kind: 'openai', url: await address() } });
  const source = { kind: 'remote', id: 'svc:scripted', provider: 'svc', model: 'scripted' } as const;
  const server = await startServer({
    loaders: [opened.loader],
    models: { ...scriptedModels(), resolve: async () => source },
  });
  closing.push(
    () => server.close(),
    () => opened.close(),
  );
  return server;
}

interface TokenFrame {
  token?: { text: string };
  choices?: {
    text?: string;
    delta?: { content?: string };
    logprobs?: { content?: unknown; tokens?: unknown };
  }[];
}

test('whoever asks a Corral in front of another hears each token once, with its text', async () => {
  const front = await startInFront();
  const framesOf = async (path: string, body: object): Promise<TokenFrame[]> => {
    const { text } = await front.call('POST', path, body);
    const lines = text.split('\n').filter((line) => /^data: ?\{/u.test(line));
    return lines.map((line) => JSON.parse(line.slice('data:'.length)) as TokenFrame);
  };
  // The script's tokens are of two bytes.
  const pieces = ['an', 'sw', 'er'];
  const tgi = await framesOf('/generate_stream', { inputs: '/say answer' });
  expect(tgi.map(({ token }) => token?.text)).toEqual(pieces);

  const messages = [{ role: 'user', content: '/say answer' }];
  const chat = await framesOf('/v1/chat/completions', { messages, stream: true, logprobs: true });
  const said = chat.flatMap(({ choices }) => choices ?? []).filter(({ delta }) => delta?.content);
  expect(said.map(({ delta }) => delta?.content)).toEqual(pieces);
  expect(said.map(({ logprobs }) => logprobs?.content)).toMatchObject(pieces.map((token) => [{ token }]));

  const plain = await framesOf('/v1/completions', { prompt: '/say answer', stream: true, logprobs: 1 });
  const told = plain.flatMap(({ choices }) => choices ?? []).filter(({ text }) => text);
  expect(told.map(({ logprobs }) => logprobs?.tokens)).toEqual(pieces.map((token) => [token]));
});
