/** One conversion as a process of its own, for the convert bench: prints its result, processor time and peak memory. */
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { quantisationSchema } from '../src/contracts/models.ts';
import { convert } from '../src/models/convert/convert.ts';
import type { RepositoryFiles } from '../src/models/convert/convert-types.ts';
import { folderFiles } from '../src/models/convert/folder-files.ts';

const [base = '', quantisation = '', output = '', workers = '1', adapter = '', kind = 'local'] =
  process.argv.slice(2);

/** Weights as they come from a server: in order, with a hash that is checked, and no file to read them from. */
async function streamed(folder: string): Promise<RepositoryFiles> {
  const files = await folderFiles(folder);
  return {
    ...files,
    shard: async (name) => {
      const { source, path = '' } = await files.shard(name);
      const hash = createHash('sha256');
      for await (const bytes of createReadStream(path)) hash.update(bytes as Buffer);
      const stream = (start: number): AsyncIterable<Uint8Array> =>
        createReadStream(path, { start, highWaterMark: 1 << 18 });
      return { source: { ...source, stream }, sha256: hash.digest('hex') };
    },
  };
}

/** Bytes that this process, all its threads, has handed to the system for writing. */
function writtenBytes(): number {
  return Number(/^wchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
}

await mkdir(dirname(output), { recursive: true });
const adapters = adapter === '' ? [] : [{ files: await folderFiles(adapter), weight: 1 }];
const started = performance.now();
const writtenBefore = writtenBytes();
const steps = convert({
  base: kind === 'streamed' ? await streamed(base) : await folderFiles(base),
  adapters,
  quantisation: quantisationSchema.parse(quantisation),
  output,
  journal: `${output}.journal`,
  workers: Number(workers),
});
for await (const step of steps) {
  if (step.type === 'progress' && step.phase === 'convert')
    console.log(JSON.stringify({ done: step.doneBytes / step.totalBytes }));
  if (step.type !== 'done') continue;
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  const { sha256, sizeBytes, unitsConverted, unitsFoundDone } = step.result;
  console.log(
    JSON.stringify({
      sha256,
      unitsConverted,
      unitsFoundDone,
      peakMiB: maxRSS / 1024,
      processorSeconds: (userCPUTime + systemCPUTime) / 1e6,
      besideBytes: writtenBytes() - writtenBefore - sizeBytes,
      seconds: (performance.now() - started) / 1000,
    }),
  );
}
