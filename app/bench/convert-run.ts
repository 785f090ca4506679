/** One conversion as a process of its own, for the convert bench: prints its result, processor time and peak memory. */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { convert } from '../src/models/convert/convert.ts';
import { folderFiles } from '../src/models/convert/folder-files.ts';
import { quantisationSchema } from '../src/contracts/models.ts';

const [base = '', quantisation = '', output = '', workers = '1', adapter = ''] = process.argv.slice(2);
await mkdir(dirname(output), { recursive: true });
const adapters = adapter === '' ? [] : [{ files: await folderFiles(adapter), weight: 1 }];
const steps = convert({
  base: await folderFiles(base),
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
  const { sha256, unitsConverted, unitsFoundDone } = step.result;
  console.log(
    JSON.stringify({
      sha256,
      unitsConverted,
      unitsFoundDone,
      peakMiB: maxRSS / 1024,
      processorSeconds: (userCPUTime + systemCPUTime) / 1e6,
    }),
  );
}
