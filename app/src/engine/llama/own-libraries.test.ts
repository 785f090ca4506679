import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLlamaWorkplace, type LlamaWorkplace } from '../../../test/fixtures/llama-workplace.ts';
import { writeTinyGguf, type TinyGguf } from '../../../test/fixtures/tiny-gguf.ts';
import { answerOf, chatRequest } from '../contract/answers.ts';
import { AppError } from '../../contracts/app-error.ts';
import { silentLog } from '../../lib/log.ts';
import { findIsolation } from './isolation.ts';
import { processorPackageFolder } from './libraries.ts';
import { tryLibraries } from './library-trial.ts';
import { startEngine } from './start-engine.ts';
import { trialModelBytes } from './trial-model.ts';
import { defaultDeadlines } from './watchdog.ts';

/** `CORRAL_LLAMA_DIR`: a build of one's own is opened and checked by a child before anything is passed to it. */
let place: LlamaWorkplace;
let model: TinyGguf;
beforeAll(async () => {
  place = await createLlamaWorkplace();
  model = await writeTinyGguf(place.folder);
});
afterAll(() => place.close());

async function withLibraries(name: string, arrange: (folder: string) => void): Promise<LlamaWorkplace> {
  const folder = join(place.folder, name);
  mkdirSync(folder);
  arrange(folder);
  return createLlamaWorkplace({ librariesDirectory: async () => folder, isForeign: () => true });
}

/** The package's libraries under other names: those of a build of one's own, or of a package for a GPU. */
function linkAll(folder: string, rename: (name: string) => string, isCopy = false): void {
  const from = processorPackageFolder();
  for (const name of readdirSync(from).filter((file) => file.endsWith('.so'))) {
    // Libraries find one another by the names they were linked with, so both are there.
    for (const target of new Set([name, rename(name)])) {
      if (isCopy) copyFileSync(join(from, name), join(folder, target));
      else symlinkSync(join(from, name), join(folder, target));
    }
  }
}

test.each([
  ['of a plain build', (name: string) => name.replace(/\.v[\d.]+\.so$/u, '.so')],
  ['of a package for a GPU', (name: string) => name.replace(/\.v([\d.]+)\.so$/u, '.vulkan.v$1.so')],
])('names %s are found, and the engine answers', async (name, rename) => {
  const own = await withLibraries(name.replaceAll(' ', '-'), (folder) => linkAll(folder, rename));
  const engine = await own.load(model);
  const { end } = await answerOf(engine.generate(chatRequest('x')));
  expect(['stop', 'length']).toContain(end.reason);
  await own.close();
});

test.each([
  ['an empty folder', () => undefined],
  [
    'a file that is no library',
    (folder: string) => {
      for (const name of ['libllama.so', 'libggml.so', 'libggml-base.so'])
        writeFileSync(join(folder, name), 'not ELF');
    },
  ],
  [
    // Release and layouts are right; only the trial finds out that nothing can be computed.
    'a build without a library for the processor',
    (folder: string) => {
      linkAll(folder, (name) => name);
      for (const name of readdirSync(folder)) if (name.startsWith('libggml-cpu')) rmSync(join(folder, name));
    },
  ],
  [
    'a library of another release',
    (folder: string) => {
      linkAll(folder, (name) => name, true);
      // Another version under the same name: the text that `llama_version()` gives is changed in the file.
      const path = join(folder, readdirSync(folder).find((name) => name.startsWith('libllama.v')) ?? '');
      changeText(path, '0.5.0-dev', '0.4.9-dev');
    },
  ],
] as [string, (folder: string) => void][])(
  '%s is refused by name, and the process is gone',
  async (name, arrange) => {
    const own = await withLibraries(name.replaceAll(' ', '-'), arrange);
    await expect(own.loader.probe()).rejects.toMatchObject({ code: 'engine-library-refused' });
    await own.close();
  },
);

test('libraries that compute something else than they should are refused', async () => {
  const started = await startEngine({
    entry: fileURLToPath(new URL('llama.child.ts', import.meta.url)),
    isolation: await findIsolation(),
    librariesDirectory: processorPackageFolder(),
    deadlines: defaultDeadlines,
    log: silentLog,
  });
  // Seen from here it is the same whether the libraries or the weights are others.
  const bytes = trialModelBytes();
  new Float32Array(bytes.buffer, bytes.length - 40_000, 8000).fill(0.1);
  const { connection, hello } = started;
  const trial = tryLibraries({
    directory: '/own/build',
    connection,
    hello,
    folder: place.folder,
    modelBytes: bytes,
  });
  await expect(trial).rejects.toMatchObject({
    code: 'engine-library-refused',
    message: expect.stringContaining('computes something else') as string,
  });
  connection.destroy(new AppError('engine-unavailable', 'The test is over.'));
  await connection.gone;
});

test('a folder that is not there is refused by name', async () => {
  const own = await createLlamaWorkplace({ librariesDirectory: async () => join(place.folder, 'nowhere') });
  await expect(own.load(model)).rejects.toMatchObject({ code: 'engine-library-refused' });
  await own.close();
});

function changeText(path: string, from: string, to: string): void {
  const bytes = readFileSync(path);
  let at = bytes.indexOf(from);
  expect(at).toBeGreaterThan(0);
  for (; at >= 0; at = bytes.indexOf(from, at)) bytes.write(to, at);
  writeFileSync(path, bytes);
}
