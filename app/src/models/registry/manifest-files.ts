import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { z } from 'zod';
import { AppError } from '../../contracts/app-error.ts';
import { modelRecordSchema } from '../../contracts/models.ts';
import type { Log } from '../../lib/log.ts';
import { writeDurably } from './durable-files.ts';

/** A model and what only the registry needs to know of it. */
export const manifestSchema = z.object({
  record: modelRecordSchema,
  /** Other references that lead here: an adapter that was named without its base. */
  aliases: z.array(z.string()).default([]),
  /** What it was made from; when that is another (a new release's bundled model), it is made anew. */
  fingerprint: z.string().optional(),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** A manifest is some kilobytes: a licence name, a list of file names. */
const maxManifestBytes = 4 << 20;

export interface ManifestFolder<Entry> {
  /** What can be read, and how many files there are that cannot: those are left alone. */
  read(): Promise<{ entries: Entry[]; damaged: number }>;
  write(path: string, entry: Entry): Promise<void>;
  remove(path: string): Promise<void>;
}

/** A folder of JSON files. A damaged one hides itself only. */
export function createManifestFolder<Schema extends z.ZodType>(
  folder: string,
  schema: Schema,
  log: Log,
): ManifestFolder<z.infer<Schema>> {
  async function readOne(path: string): Promise<z.infer<Schema> | undefined> {
    try {
      const { size } = await stat(path);
      if (size > maxManifestBytes) throw new AppError('file-invalid', 'the manifest is too large');
      return schema.parse(JSON.parse(await readFile(path, 'utf8')));
    } catch (error) {
      log.warn({ path, error: String(error) }, 'a manifest cannot be read and is left alone');
      return undefined;
    }
  }
  return {
    async read() {
      const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.json'));
      const found = await Promise.all(names.map((name) => readOne(`${folder}/${name}`)));
      const entries = found.filter((entry) => entry !== undefined);
      return { entries, damaged: found.length - entries.length };
    },
    write: (path, entry) =>
      writeDurably({ folder, path, aside: `${path}.part` }, `${JSON.stringify(entry, null, 2)}\n`),
    remove: (path) => rm(path, { force: true }),
  };
}
