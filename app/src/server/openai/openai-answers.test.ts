import { expect, test } from 'vitest';
import { startServer } from '../../../test/fixtures/running-server.ts';
import { textTeller } from './openai-answers.ts';

interface Told {
  tokens: string[];
  text_offset: number[];
}

test('tokens of one character begin where it begins, whole and streamed', async () => {
  const running = await startServer({ script: { tokensPerSecond: 400 } });
  // A token of this engine is two bytes: "a" and the first byte of the llama, two of it, its last and one of "é", …
  const asked = { prompt: '/say a🦙éb', logprobs: 1 };
  const whole = await running.call('POST', '/v1/completions', asked);
  const [choice] = whole.body['choices'] as { logprobs: Told }[];
  expect(choice?.logprobs.text_offset).toEqual([0, 1, 1, 2]);
  const { text } = await running.call('POST', '/v1/completions', { ...asked, stream: true });
  const streamed = [...text.matchAll(/^data: (\{.*)$/gm)]
    .map((match) => JSON.parse(match[1] ?? '') as { choices: { logprobs: Told | null }[] })
    .flatMap(({ choices }) => choices.flatMap(({ logprobs }) => logprobs?.text_offset ?? []));
  expect(streamed).toEqual(choice?.logprobs.text_offset);
  await running.close();
});

test('of alternatives that are written alike the likeliest is told', () => {
  const part = (byte: number, logprob: number) => ({ id: byte, text: '\ufffd', bytes: [byte], logprob });
  const top = [part(0xe4, -0.1), { id: 1, text: 'x', bytes: [0x78], logprob: -3 }, part(0xe5, -5)];
  const told = textTeller()([{ ...part(0xe4, -0.1), top }]);
  expect(told).toMatchObject({ top_logprobs: [{ '\ufffd': -0.1, x: -3 }] });
});
