import { expect, test } from 'vitest';
import { EncodedPrompts, type ChatPrompt, type EncodedChat } from './encoded-prompts.ts';

function prompts({ fail = false } = {}) {
  const encoded: string[] = [];
  let nowMs = 0;
  const kept = new EncodedPrompts(
    (prompt) => {
      encoded.push(prompt.messages[0]?.content ?? '');
      return fail ? Promise.reject(new Error('no such format')) : Promise.resolve({} as EncodedChat);
    },
    () => nowMs,
  );
  const ask = (content: string): Promise<EncodedChat> => kept.of(chat(content));
  return { ask, encoded, pass: (ms: number) => (nowMs += ms) };
}

function chat(content: string): ChatPrompt {
  return { kind: 'chat', messages: [{ role: 'user', content }] };
}

test('a prompt that was counted is not written and encoded again for its answer', async () => {
  const { ask, encoded } = prompts();
  expect(await ask('a')).toBe(await ask('a'));
  await Promise.all([ask('b'), ask('b')]);
  expect(encoded).toEqual(['a', 'b']);
});

test('after ten seconds it is written anew, since a template may tell the time', async () => {
  const { ask, encoded, pass } = prompts();
  await ask('a');
  pass(9_999);
  await ask('a');
  pass(1);
  await ask('a');
  expect(encoded).toEqual(['a', 'a']);
});

test('a failure is told to whoever asks, and tried again for the next', async () => {
  const { ask, encoded } = prompts({ fail: true });
  await expect(ask('a')).rejects.toThrow('no such format');
  await expect(ask('a')).rejects.toThrow('no such format');
  expect(encoded).toEqual(['a', 'a']);
});

test('only the last few are kept, and none that is very long', async () => {
  const { ask, encoded } = prompts();
  for (let number = 0; number < 9; number++) await ask(`chat ${number}`);
  await ask('chat 8');
  expect(encoded).toHaveLength(9);
  await ask('chat 0');
  expect(encoded).toHaveLength(10);
  await ask('x'.repeat(300_000));
  await ask('x'.repeat(300_000));
  expect(encoded).toHaveLength(12);
});
