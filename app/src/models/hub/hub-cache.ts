import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import type { HubRepository } from '../reference.ts';
import type { HubFileEntry, HubSnapshot } from './hub-tree.ts';

/** A file of the Python tools' cache that has the size the Hub announced; its content is not checked yet. */
export interface CachedFile {
  path: string;
  sizeBytes: number;
}

/**
 * The cache of the Hub's Python tools (`HF_HOME`), read only: `hub/models--owner--name/snapshots/COMMIT/…` are links to
 * `blobs/HASH`. Names are compared with what the folders list; no name from the network becomes part of a path.
 */
export interface HubCache {
  find(snapshot: Pick<HubSnapshot, 'id' | 'commit'>, file: HubFileEntry): Promise<CachedFile | undefined>;
  /** A commit that is here, as the Hub would describe it; for when the Hub cannot be asked. */
  snapshot(repository: HubRepository): Promise<HubSnapshot | undefined>;
}

const maxDepth = 8;

export function createHubCache(folder: string): HubCache {
  const hub = join(folder, 'hub');

  async function repositoryFolder(id: string): Promise<string | undefined> {
    const wanted = `models--${id.replaceAll('/', '--')}`;
    const found = (await entries(hub)).find((name) => name === wanted);
    return found === undefined ? undefined : join(hub, found);
  }

  async function files(id: string, commit: string): Promise<Map<string, CachedFile & { hash: string }>> {
    const root = await repositoryFolder(id);
    if (root === undefined) return new Map();
    const snapshots = join(root, 'snapshots');
    const found = (await entries(snapshots)).find((name) => name === commit);
    return found === undefined ? new Map() : list({ root, from: join(snapshots, found) });
  }

  async function commitOf({ id, revision = 'main' }: HubRepository): Promise<string | undefined> {
    if (/^[0-9a-f]{40}$/.test(revision)) return revision;
    const root = await repositoryFolder(id);
    const references =
      root === undefined ? new Map<string, CachedFile>() : await list({ root, from: join(root, 'refs') });
    const path = references.get(revision)?.path;
    const text = path === undefined ? '' : (await readFile(path, 'utf8')).trim();
    return /^[0-9a-f]{40}$/.test(text) ? text : undefined;
  }

  return {
    async find(snapshot, file) {
      const cached = (await files(snapshot.id, snapshot.commit)).get(file.path);
      return cached?.sizeBytes === file.sizeBytes ? cached : undefined;
    },
    async snapshot(repository) {
      const commit = await commitOf(repository);
      const found = commit === undefined ? new Map<string, never>() : await files(repository.id, commit);
      if (commit === undefined || found.size === 0) return undefined;
      return {
        id: repository.id,
        revision: repository.revision ?? 'main',
        commit,
        isGated: false,
        licence: null,
        baseModel: null,
        files: [...found].flatMap(([path, { sizeBytes, hash }]) => toEntry(path, sizeBytes, hash)),
      };
    },
  };
}

/** Reads a cached file once; true where its content is what the Hub announced. */
export async function isIntact(
  cached: CachedFile,
  file: HubFileEntry,
  options: { onProgress?: (doneBytes: number) => void; signal?: AbortSignal | undefined } = {},
): Promise<boolean> {
  const hash = createHash(file.sha256 === undefined ? 'sha1' : 'sha256');
  if (file.sha256 === undefined) hash.update(`blob ${file.sizeBytes}\0`);
  let done = 0;
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  for await (const chunk of createReadStream(cached.path, {
    highWaterMark: 1 << 20,
    ...signal,
  }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    done += chunk.length;
    options.onProgress?.(done);
  }
  return hash.digest('hex') === (file.sha256 ?? file.gitOid);
}

function toEntry(path: string, sizeBytes: number, hash: string): HubFileEntry[] {
  if (/^[0-9a-f]{64}$/.test(hash)) return [{ path, sizeBytes, sha256: hash, gitOid: '' }];
  return /^[0-9a-f]{40}$/.test(hash) ? [{ path, sizeBytes, gitOid: hash }] : [];
}

/** Files below `from` by their path there. Links that leave the repository's folder count as not there. */
async function list({
  root,
  from,
}: {
  root: string;
  from: string;
}): Promise<Map<string, CachedFile & { hash: string }>> {
  const found = new Map<string, CachedFile & { hash: string }>();
  const realRoot = await realpath(root).catch(() => root);
  const walk = async (folder: string, depth: number): Promise<void> => {
    for (const name of depth > maxDepth ? [] : await entries(folder)) {
      const path = join(folder, name);
      const stats = await stat(path).catch(() => undefined);
      if (stats?.isDirectory() === true) await walk(path, depth + 1);
      if (stats?.isFile() !== true) continue;
      const real = await realpath(path);
      if (!real.startsWith(realRoot + sep)) continue;
      found.set(relative(from, path).split(sep).join('/'), {
        path: real,
        sizeBytes: stats.size,
        hash: basename(real),
      });
    }
  };
  await walk(from, 0);
  return found;
}

async function entries(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
