import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { z } from 'zod';
import { AppError } from '../../contracts/app-error.ts';
import { modelRecordSchema } from '../../contracts/models.ts';
import { writeDurably } from '../../lib/durable-files.ts';
import type { Log } from '../../lib/log.ts';

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

/**
 * Every request asks what is here, and files come and go under other names only: so they are read anew when the folder
 * says that it changed, or changed too lately for its clock to tell one change from the next.
 */
const settledMs = 1000;

interface Contents<Entry> {
  entries: readonly Entry[];
  /** Where each of them lies. */
  paths: readonly string[];
  damaged: number;
}

export interface ManifestFolder<Entry> {
  /** What can be read, and how many files there are that cannot: those are left alone. */
  read(): Promise<Contents<Entry>>;
  /** `beforeNamed` is done when only the name is still missing. */
  write(path: string, entry: Entry, beforeNamed?: () => Promise<void>): Promise<void>;
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
  async function readAll(): Promise<Contents<z.infer<Schema>>> {
    const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.json'));
    const all = names.map((name) => `${folder}/${name}`);
    const found = await Promise.all(all.map(readOne));
    const entries = found.filter((entry) => entry !== undefined);
    const paths = all.filter((_, index) => found[index] !== undefined);
    return { entries, paths, damaged: found.length - entries.length };
  }
  let known: { changedAt: number; readAt: number; contents: Contents<z.infer<Schema>> } | null = null;
  return {
    async read() {
      const changedAt = await stat(folder).then(
        ({ mtimeMs }) => mtimeMs,
        () => null,
      );
      if (changedAt === null) return { entries: [], paths: [], damaged: 0 };
      if (known !== null && known.changedAt === changedAt && known.readAt - changedAt > settledMs)
        return known.contents;
      const readAt = Date.now();
      const contents = await readAll();
      known = { changedAt, readAt, contents };
      return contents;
    },
    async write(path, entry, beforeNamed) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const place = { folder, path, aside: `${path}.part` };
      await writeDurably(place, `${JSON.stringify(entry, null, 2)}\n`, beforeNamed);
    },
    remove: (path) => rm(path, { force: true }),
  };
}
