import type { RepositoryFiles, WeightShard } from '../convert/convert-types.ts';
import { copyDurably, syncFolder, writeDurably } from '../../lib/durable-files.ts';
import { downloadFile } from '../hub/download-file.ts';
import type { Registry } from '../registry/registry.ts';
import { OpenHubRepository } from '../repository/hub-repository.ts';
import type { Repository, RepositoryFile } from '../repository/repository.ts';
import { createMeter, type Meter } from './progress.ts';

export interface Bring {
  registry: Registry;
  /** Whose work folder it comes into, and as which of its files. */
  key: string;
  number: number;
  meter: Meter;
  signal: AbortSignal;
  blockBytes?: number | undefined;
}

/** A verified file in the work folder: from the Python tools' cache where that has it, else from the Hub. */
export async function bringHere(repository: OpenHubRepository, path: string, bring: Bring): Promise<string> {
  const { key, meter, number } = bring;
  const { paths } = bring.registry;
  const folder = paths.pull(key);
  const entry = repository.entry(path);
  const target = paths.inPull(key, `${number}.file`);
  const part = paths.inPull(key, `${number}.part`);
  const { sizeBytes } = entry;
  const onProgress = (doneBytes: number): void => meter.file(path, doneBytes, sizeBytes);
  // Reading it against its hash is half of the work, copying it the other.
  const cached = await repository.cached(path, (readBytes) => onProgress(readBytes / 2));
  if (cached !== undefined) {
    await copyDurably(cached.path, target, {
      onProgress: (copiedBytes) => onProgress((sizeBytes + copiedBytes) / 2),
      signal: bring.signal,
    });
    await syncFolder(folder);
    return target;
  }
  if (entry.sha256 === undefined) {
    const bytes = await repository.content.bytes(path, bring.signal);
    await writeDurably({ folder, path: target, aside: part }, bytes ?? new Uint8Array());
    return target;
  }
  await downloadFile({
    source: () => repository.source(path),
    sizeBytes,
    sha256: entry.sha256,
    place: { folder, path: target, part, journal: paths.inPull(key, `${number}.journal`) },
    onProgress,
    signal: bring.signal,
    ...(bring.blockBytes === undefined ? {} : { blockBytes: bring.blockBytes }),
  });
  return target;
}

/** Reads weights that the Python tools' cache has against their hashes, before anything is made of them. */
export async function verifyCached(
  repository: Repository,
  files: readonly RepositoryFile[],
  emit: Parameters<typeof createMeter>[1],
): Promise<void> {
  if (!(repository instanceof OpenHubRepository)) return;
  const here: RepositoryFile[] = [];
  for (const file of files) if (await repository.isHere(file.path)) here.push(file);
  const meter = createMeter('verify', emit);
  meter.total(here.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
  for (const { path, sizeBytes } of here)
    await repository.cached(path, (doneBytes) => meter.file(path, doneBytes, sizeBytes));
}

/** The same files, one of them taken from this machine. */
export function withShard(content: RepositoryFiles, name: string, shard: WeightShard): RepositoryFiles {
  return {
    ...content,
    shard: (wanted) => (wanted === name ? Promise.resolve(shard) : content.shard(wanted)),
  };
}
