import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { type AdapterRecord, adapterRecordSchema, type ModelRecord } from '../../contracts/models.ts';
import { syncFolder } from '../../lib/durable-files.ts';
import type { Log } from '../../lib/log.ts';
import {
  createManifestFolder,
  type Manifest,
  type ManifestFolder,
  manifestSchema,
} from './manifest-files.ts';
import { blobHash, createModelPaths, type ModelPaths } from './model-paths.ts';
import { toStorageError } from './storage-error.ts';

/** `stat` counts blocks of this size whatever the file system's own are. */
const blockBytes = 512;

/** What is here: content under its hash, and manifests that say what it is. Newest first. */
export class Registry {
  readonly paths: ModelPaths;
  readonly #models: ManifestFolder<Manifest>;
  readonly #adapters: ManifestFolder<AdapterRecord>;
  readonly #onChanged: (sha256: string) => void;
  #last: Promise<unknown> = Promise.resolve();

  /** `onChanged` hears of content that was just made or verified, or that is gone. */
  constructor(root: string, log: Log, onChanged: (sha256: string) => void = () => undefined) {
    this.#onChanged = onChanged;
    this.paths = createModelPaths(root);
    this.#models = createManifestFolder(this.paths.manifests, manifestSchema, log);
    this.#adapters = createManifestFolder(this.paths.adapters, adapterRecordSchema, log);
  }

  async manifests(): Promise<Manifest[]> {
    const { entries } = await this.#models.read();
    return entries.toSorted((one, other) => other.record.addedAt - one.record.addedAt);
  }

  async adapters(): Promise<AdapterRecord[]> {
    const { entries } = await this.#adapters.read();
    return entries.toSorted((one, other) => other.addedAt - one.addedAt);
  }

  async find(id: string): Promise<Manifest | undefined> {
    return (await this.manifests()).find(({ record, aliases }) => record.id === id || aliases.includes(id));
  }

  /**
   * Takes a finished, verified file over (a rename) and then names it. The name is written out before, so that a disk
   * without room for it leaves the file where it was. The spellings that led to a model before still do.
   */
  add(manifest: Manifest, file: string): Promise<void> {
    const { id, sha256 } = manifest.record;
    return this.#alone(async () => {
      const replaced = await this.find(id);
      const known = replaced?.record.id === id ? withAliases(manifest, replaced.aliases) : manifest;
      await this.#models.write(this.paths.manifest(id), known, () => this.#keep(file, sha256));
      this.#onChanged(sha256);
      if (replaced !== undefined) await this.#drop([replaced.record.sha256]);
    });
  }

  /** Lets other spellings lead to a model that is here. */
  alsoKnownAs(id: string, aliases: readonly string[]): Promise<void> {
    return this.#alone(async () => {
      const here = (await this.manifests()).find(({ record }) => record.id === id);
      if (here === undefined || aliases.every((alias) => here.aliases.includes(alias))) return;
      try {
        await this.#models.write(this.paths.manifest(id), withAliases(here, aliases));
      } catch (error) {
        throw toStorageError(error);
      }
    });
  }

  /** As `add` does. The same adapter may be kept for several bases; for one of them it takes the place of the one of before. */
  addAdapter(record: AdapterRecord, file: string): Promise<void> {
    return this.#alone(async () => {
      const { path, replaced } = await this.#placeOf(record);
      await this.#adapters.write(path, record, () => this.#keep(file, record.sha256));
      this.#onChanged(record.sha256);
      if (replaced !== undefined) await this.#drop([replaced.sha256]);
    });
  }

  /** Forgets a model and deletes its content unless something else names it; returns the freed bytes. */
  forget({ id, sha256 }: Pick<ModelRecord, 'id' | 'sha256'>): Promise<number> {
    return this.#alone(async () => {
      await this.#models.remove(this.paths.manifest(id));
      return this.#drop([sha256]);
    });
  }

  forgetAdapter(record: AdapterRecord): Promise<number> {
    return this.#alone(async () => {
      const { path } = await this.#placeOf(record);
      await this.#adapters.remove(path);
      return this.#drop([record.sha256]);
    });
  }

  /** Content that nothing names, and the work of pulls that rested for longer than this. */
  sweep(restedMs: number): Promise<number> {
    return this.#alone(async () => {
      const hashes = (await namesIn(this.paths.blobs)).map(blobHash).filter((hash) => hash !== undefined);
      let freed = await this.#drop(hashes);
      for (const key of await namesIn(this.paths.pulls)) {
        if (!/^[0-9a-f]{64}$/.test(key)) continue;
        const folder = this.paths.pull(key);
        if (Date.now() - (await newestChange(folder)) > restedMs) freed += await removeTree(folder);
      }
      return freed;
    });
  }

  /** Where an adapter's record lies, or will. Those of earlier releases have other names, made of the id alone. */
  async #placeOf({
    id,
    base,
  }: AdapterRecord): Promise<{ path: string; replaced: AdapterRecord | undefined }> {
    const { entries, paths } = await this.#adapters.read();
    const index = entries.findIndex((entry) => entry.id === id && entry.base === base);
    return { path: paths[index] ?? this.paths.adapter(id, base), replaced: entries[index] };
  }

  async #keep(file: string, sha256: string): Promise<void> {
    try {
      await mkdir(this.paths.blobs, { recursive: true, mode: 0o700 });
      await rename(file, this.paths.blob(sha256));
      await syncFolder(this.paths.blobs);
    } catch (error) {
      throw toStorageError(error);
    }
  }

  /** Deletes those of the contents that nothing names; none at all while a manifest is there that cannot be read. */
  async #drop(hashes: readonly string[]): Promise<number> {
    const [models, adapters] = await Promise.all([this.#models.read(), this.#adapters.read()]);
    if (models.damaged + adapters.damaged > 0) return 0;
    const named = new Set([
      ...models.entries.map(({ record }) => record.sha256),
      ...adapters.entries.map(({ sha256 }) => sha256),
    ]);
    let freed = 0;
    for (const hash of hashes) {
      if (named.has(hash)) continue;
      freed += await removeTree(this.paths.blob(hash));
      this.#onChanged(hash);
    }
    return freed;
  }

  /** One change at a time: content is there before it is named, and must not be swept in between. */
  #alone<Value>(change: () => Promise<Value>): Promise<Value> {
    const turn = this.#last.then(change, change);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

function withAliases(manifest: Manifest, aliases: readonly string[]): Manifest {
  return { ...manifest, aliases: [...new Set([...manifest.aliases, ...aliases])] };
}

/** Deletes a file or folder; returns how many bytes it held. */
export async function removeTree(path: string): Promise<number> {
  const bytes = await sizeOf(path);
  await rm(path, { recursive: true, force: true });
  return bytes;
}

/** Bytes of the disk that the files of a folder take: less than they are long where they have holes. */
export async function allocatedBytes(folder: string): Promise<number> {
  const paths = (await namesIn(folder)).map((name) => `${folder}/${name}`);
  const all = await Promise.all(paths.map((path) => stat(path).catch(() => undefined)));
  return all.reduce((sum, stats) => sum + (stats?.blocks ?? 0) * blockBytes, 0);
}

async function newestChange(folder: string): Promise<number> {
  const paths = [folder, ...(await namesIn(folder)).map((name) => `${folder}/${name}`)];
  const changes = await Promise.all(paths.map((path) => stat(path).catch(() => undefined)));
  return Math.max(0, ...changes.map((stats) => stats?.mtimeMs ?? 0));
}

async function sizeOf(path: string): Promise<number> {
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined) return 0;
  if (!stats.isDirectory()) return stats.size;
  const sizes = await Promise.all((await namesIn(path)).map((name) => sizeOf(`${path}/${name}`)));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
