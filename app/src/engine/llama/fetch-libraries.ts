import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../contracts/app-error.ts';
import type { Log } from '../../lib/log.ts';
import type { HttpClient } from '../../net/http-client.ts';
import { packageVersion, type LibraryPackage } from './library-packages.ts';
import { unpackLibraries } from './unpack-package.ts';

/** No archive is larger; the largest known has 420 MB. */
const maxArchiveBytes = 2 * 2 ** 30;

export interface FetchOptions {
  onProgress?: (progress: { doneBytes: number; totalBytes: number | null; file: string }) => void;
  signal?: AbortSignal;
}

export interface LibrarySource {
  client: HttpClient;
  /** Address of the npm registry, with no slash at its end. */
  registry: string;
  packages: readonly LibraryPackage[];
  /** The folder that the libraries of all packages come into. */
  target: string;
  log: Log;
}

/** All or nothing: the folder appears when every package has arrived, was what it should be and is unpacked. */
export async function fetchLibraries(from: LibrarySource, how: FetchOptions): Promise<string> {
  const { target, packages, log } = from;
  const beside = `${target}.part`;
  await rm(beside, { recursive: true, force: true });
  await mkdir(beside, { recursive: true, mode: 0o700 });
  try {
    for (const wanted of packages) {
      const archive = await download(from, wanted, { ...how, path: join(beside, 'archive.tgz') });
      await unpackLibraries(createReadStream(archive), beside);
      await rm(archive);
    }
    await rm(target, { recursive: true, force: true });
    await rename(beside, target);
    log.info({ packages: packages.map((wanted) => wanted.name) }, 'libraries for the GPU fetched');
    return target;
  } catch (error) {
    await rm(beside, { recursive: true, force: true });
    throw error;
  }
}

/** Resolves with the path once the archive has the hash that is written down here. */
async function download(
  from: LibrarySource,
  wanted: LibraryPackage,
  { path, onProgress, signal }: FetchOptions & { path: string },
): Promise<string> {
  const { name, integrity } = wanted;
  const url = `${from.registry}/@node-llama-cpp/${name}/-/${name}-${packageVersion}.tgz`;
  const answer = await from.client.request(url, {
    maxBytes: maxArchiveBytes,
    ...(signal ? { signal } : {}),
  });
  if (answer.status !== 200) {
    await answer.discard();
    throw new AppError('engine-library-refused', `The registry answered ${answer.status} for ${name}.`, {
      hint: 'Try again later, or set CORRAL_GPU=off.',
    });
  }
  const totalBytes = Number(answer.headers['content-length'] ?? Number.NaN);
  const hash = createHash('sha512');
  const file = await open(path, 'wx', 0o600);
  let doneBytes = 0;
  try {
    for await (const piece of answer.body) {
      hash.update(piece);
      await file.write(piece);
      doneBytes += piece.length;
      onProgress?.({ doneBytes, totalBytes: Number.isFinite(totalBytes) ? totalBytes : null, file: name });
    }
  } finally {
    await file.close();
  }
  if (`sha512-${hash.digest('base64')}` === integrity) return path;
  throw new AppError(
    'engine-library-refused',
    `What the registry delivered as ${name} is not what was published.`,
    {
      hint: 'Nothing of it was used. Check the network, and tell the operator of the registry.',
    },
  );
}
