import { describe, expect, test } from 'vitest';
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

describe('a fault is the machine’s', () => {
  test.each([
    ['/src/ggml/src/ggml-cuda/ggml-cuda.cu:88: CUDA error', true],
    ["terminate called after throwing an instance of 'vk::OutOfDeviceMemoryError'", true],
    ["terminate called after throwing an instance of 'std::bad_alloc'", true],
    ['ggml_aligned_malloc: insufficient memory (attempted to allocate 9000.00 MB)', true],
    ['FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory', true],
    ['ggml.c:77: GGML_ASSERT(n < 4) failed', false],
    ["terminate called after throwing an instance of 'std::out_of_range'", false],
    ['llama_model_load: error loading model: CUDA', false],
    ['prompt: is this a CUDA problem, out of memory?', false],
  ])('%s: %s', (line, isMachineFault) => {
    const tail = createOutputTail();
    tail.push(Buffer.from(`${line}\n`));
    expect(tail.isMachineFault()).toBe(isMachineFault);
  });
});
