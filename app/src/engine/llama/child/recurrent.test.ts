import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { EngineChild } from '../../../../test/fixtures/engine-child.ts';
import { writeTinyMamba } from '../../../../test/fixtures/tiny-mamba.ts';

/** Models whose memory only goes on: nothing of it can be cut off again, and it has a place for each chat. */
let folder = '';
let path = '';
const children: EngineChild[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'corral-recurrent-'));
  ({ path } = await writeTinyMamba(folder));
});
afterEach(async () => {
  for (const child of children.splice(0)) await child.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function start(slots: number): Promise<EngineChild> {
  const child = await EngineChild.loaded(path, { maxThreads: 1, slots });
  children.push(child);
  return child;
}

const chat = (content: string) => ({
  kind: 'chat' as const,
  format: 'llama-2',
  messages: [{ role: 'user' as const, content }],
});
const settings = { ignoreEos: true, maxNewTokens: 16, temperature: 0 };

describe('a model whose memory cannot be cut', () => {
  it('answers more chats than it has slots, one after the other and each as if alone', async () => {
    const child = await start(2);
    const texts: string[] = [];
    for (let round = 0; round < 2; round++) {
      for (let index = 0; index < 6; index++) {
        const prompt = chat(`Chat number ${index}`);
        const answer = await child.generate({ prompt, stateKey: `chat-${index}`, sampling: settings });
        expect(answer.end).toMatchObject({ reason: 'length' });
        texts.push(answer.text);
      }
    }
    expect(texts.slice(6)).toEqual(texts.slice(0, 6));
  });

  it('goes on with other answers as if nothing had been when one is stopped while it is read', async () => {
    const child = await start(3);
    const long = { ...settings, maxNewTokens: 120 };
    const alone = await child.generate({ prompt: chat('Tell me much'), sampling: long });
    const reading = 'and a long story it was '.repeat(60);
    const before = await child.generate({ prompt: chat(reading), sampling: settings });

    const beside = child.generate({ prompt: chat('Tell me much'), sampling: long });
    const stopped = child.start(
      { prompt: chat(reading), stateKey: 'stopped', sampling: settings },
      (parts) => {
        if (parts.some((part) => part.type === 'prompt-progress' && part.processed > 0)) stopped.cancel();
      },
    );
    expect((await stopped.answer).end.reason).toBe('aborted');
    expect((await beside).text).toBe(alone.text);
    const again = await child.generate({ prompt: chat(reading), stateKey: 'stopped', sampling: settings });
    expect(again.text).toBe(before.text);
  });
});
