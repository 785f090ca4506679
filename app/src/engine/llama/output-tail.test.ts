import { expect, test } from 'vitest';
import { createOutputTail } from './output-tail.ts';

test('only lines that name a fault are kept, however they are cut, and few of them', () => {
  const tail = createOutputTail();
  tail.push(Buffer.from('prompt: what is my password hunter2?\nggml.c:77: GGML_ASSERT(n < 4) fa'));
  tail.push(Buffer.from('iled\nllama_decode: decoding "hunter2"\n'));
  for (let line = 0; line < 100; line++) tail.push(Buffer.from(`llama_model_load: error ${line}\n`));
  expect(tail.faults()).toHaveLength(4);
  expect(tail.faults().join()).not.toContain('hunter2');
  const first = createOutputTail();
  first.push(Buffer.from('x'.repeat(1_000_000)));
  first.push(Buffer.from('\nggml.c:77: GGML_ASSERT(n < 4) failed\n'));
  expect(first.faults()).toEqual(['GGML_ASSERT(n < 4) failed']);
});
