import { writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/fixtures/temporary-folder.ts';
import { absoluteReference } from './absolute-reference.ts';

const folder = '/srv/me';

test.each([
  ['./m.gguf', '/srv/me/m.gguf'],
  ['./llama/:Q8_0', '/srv/me/llama:q8_0'],
  ['../llama+./adapter*0.5:q4_k_m', '/srv/llama+/srv/me/adapter*0.5:q4_k_m'],
  ['owner/m@main+./adapter+b/one', 'owner/m@main+/srv/me/adapter+b/one'],
  ['owner/m+~/adapter', `owner/m+${join(homedir(), 'adapter')}`],
  ['~', homedir()],
  ['/srv/m.gguf', '/srv/m.gguf'],
])('%s is %s', (text, whole) => {
  expect(absoluteReference(text, folder)).toBe(whole);
  expect(absoluteReference(whole, '/elsewhere')).toBe(whole);
});

test.each([
  'cria',
  'owner/name:Q4_K_M',
  'https://huggingface.co/owner/name',
  'hf:tiiuae/falcon-7b-instruct',
  'service:./m',
  './m+',
  'a b',
  '',
])('%j names no path, or nothing, and stays as it is', (text) => {
  expect(absoluteReference(text, folder)).toBe(text);
});

test('a bare file name is a path where that file is; elsewhere it may be a name', async () => {
  const { path, remove } = await temporaryFolder();
  writeFileSync(join(path, 'm.gguf'), '');
  expect(absoluteReference('m.gguf', path)).toBe(join(path, 'm.gguf'));
  expect(absoluteReference('m.gguf', folder)).toBe('m.gguf');
  expect(absoluteReference('service:m.gguf', path)).toBe('service:m.gguf');
  await remove();
});

test('a folder with a + in its name is refused with its path, since a + begins an adapter', () => {
  expect(() => absoluteReference('./m.gguf', '/srv/c++')).toThrow('/srv/c++/m.gguf cannot be named');
});
