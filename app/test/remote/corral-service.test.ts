import { afterAll } from 'vitest';
import { describeEngine } from '../../src/engine/engine.contract.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { startServer, type RunningServer } from '../fixtures/running-server.ts';
import { openModel } from './remote-model.ts';

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
