import { describe, expect, test } from 'vitest';
import type { PromptMessage } from '../contracts/messages.ts';
import { builtInFormats, findBuiltInFormat } from './built-in-formats.ts';
import { formatOfFamily, stopStringsOfTemplate } from './choose-format.ts';
import { renderFormat } from './render-format.ts';
import { textOf } from './segments.ts';

const texts = { bos: '<s>', eos: '</s>' };
const chat: PromptMessage[] = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'One?' },
  { role: 'assistant', content: 'Two.' },
  { role: 'user', content: 'Three?' },
];

function render(name: string, messages = chat, continueAnswer = false): string {
  const format = findBuiltInFormat(name);
  if (!format) throw new Error(name);
  return textOf(renderFormat(format, { messages, continueAnswer }, texts));
}

describe('built-in formats', () => {
  test.each([
    ['llama-2', '<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nOne? [/INST] Two. </s><s>[INST] Three? [/INST]'],
    ['transcript', '<s>Be brief.\n\nUser: One?\nAssistant: Two.\nUser: Three?\nAssistant:'],
    ['guanaco', '<s>Be brief.\n### Human: One?\n### Assistant: Two.\n### Human: Three?\n### Assistant:'],
    ['falcon', 'System: Be brief.\nUser: One?\nFalcon: Two.\nUser: Three?\nFalcon:'],
    [
      'alpaca',
      '<s>Be brief.\n\n### Instruction:\nOne?\n\n### Response:\nTwo.\n\n### Instruction:\nThree?\n\n### Response:\n',
    ],
    ['vicuna', '<s>Be brief. USER: One? ASSISTANT: Two.</s>USER: Three? ASSISTANT:'],
    [
      'chatml',
      '<s><|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nOne?<|im_end|>\n' +
        '<|im_start|>assistant\nTwo.<|im_end|>\n<|im_start|>user\nThree?<|im_end|>\n<|im_start|>assistant\n',
    ],
    [
      'llama-3',
      '<s><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>' +
        '<|start_header_id|>user<|end_header_id|>\n\nOne?<|eot_id|>' +
        '<|start_header_id|>assistant<|end_header_id|>\n\nTwo.<|eot_id|>' +
        '<|start_header_id|>user<|end_header_id|>\n\nThree?<|eot_id|>' +
        '<|start_header_id|>assistant<|end_header_id|>\n\n',
    ],
    [
      'gemma',
      '<s><start_of_turn>user\nBe brief.\n\nOne?<end_of_turn>\n<start_of_turn>model\nTwo.<end_of_turn>\n' +
        '<start_of_turn>user\nThree?<end_of_turn>\n<start_of_turn>model\n',
    ],
    [
      'phi-3',
      '<s><|system|>\nBe brief.<|end|>\n<|user|>\nOne?<|end|>\n<|assistant|>\nTwo.<|end|>\n' +
        '<|user|>\nThree?<|end|>\n<|assistant|>\n',
    ],
  ])('%s', (name, expected) => {
    expect(render(name)).toBe(expected);
  });

  test('each has stop strings and a user turn that can be told from what was typed', () => {
    for (const format of builtInFormats) {
      expect(format.stop.length).toBeGreaterThan(0);
      const segments = renderFormat(format, { messages: chat, continueAnswer: false }, texts);
      const typed = segments.filter((segment) => !segment.special).map((segment) => segment.text);
      expect(typed).toEqual(['Be brief.', 'One?', 'Two.', 'Three?']);
    }
  });

  test('an answer is left open to be continued, exactly as it stands', () => {
    const open: PromptMessage[] = [...chat.slice(1, 2), { role: 'assistant', content: 'Half an ' }];
    expect(render('transcript', open, true)).toBe('<s>User: One?\nAssistant: Half an ');
    expect(render('llama-2', open, true)).toBe('<s>[INST] One? [/INST] Half an ');
    expect(render('chatml', open, true)).toMatch(/<\|im_start\|>assistant\nHalf an $/u);
  });

  test('an empty open answer is the generation prompt alone', () => {
    const open: PromptMessage[] = [...chat.slice(1, 2), { role: 'assistant', content: '' }];
    expect(render('transcript', open, true)).toBe('<s>User: One?\nAssistant:');
  });

  test('a chat without a system message gets the one of its format, if it has one', () => {
    expect(render('guanaco', chat.slice(1, 2))).toMatch(/^<s>A chat between a curious human/u);
    expect(render('transcript', chat.slice(1, 2))).toBe('<s>User: One?\nAssistant:');
  });

  test('a system message in the middle is kept', () => {
    const messages: PromptMessage[] = [
      { role: 'user', content: 'A' },
      { role: 'system', content: 'B' },
    ];
    expect(render('llama-2', messages)).toContain('B');
  });
});

describe('the choice of a format', () => {
  test.each([
    ['llama', ['LLaMA-7B'], 32_000, 'transcript'],
    ['llama', ['llama-7b', 'timdettmers/guanaco-7b'], 32_000, 'guanaco'],
    ['llama', ['Llama-2-7b-chat-hf'], 32_000, 'llama-2'],
    ['llama', ['anything'], 128_256, 'llama-3'],
    ['falcon', ['falcon-7b-instruct'], 65_024, 'falcon'],
    ['gemma2', ['g'], 256_000, 'gemma'],
    ['phi3', ['p'], 32_064, 'phi-3'],
    ['qwen2', ['q'], 151_936, 'chatml'],
    ['llama', ['vicuna-13b-v1.5'], 32_000, 'vicuna'],
  ])('%s %j with %d tokens: %s', (architecture, names, vocabularySize, expected) => {
    expect(formatOfFamily({ architecture, names, vocabularySize }).name).toBe(expected);
  });

  test("a template's stop strings are the markers that it writes", () => {
    expect(stopStringsOfTemplate("{{ '<|im_start|>' + role }}<|im_end|> USER:")).toEqual([
      '<|im_end|>',
      '<|im_start|>',
    ]);
  });
});
