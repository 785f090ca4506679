import { existsSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { dirname, join } from 'node:path';
import { AppError } from '../../contracts/app-error.ts';
import type { Log } from '../../lib/log.ts';
import type { HttpClient } from '../../net/http-client.ts';
import { fetchLibraries, type FetchOptions } from './fetch-libraries.ts';
import { detectGpus, type FoundGpu, type GpuKind } from './gpu-detection.ts';
import { packagesForGpu, packageVersion, processorPackage, type LibraryPackage } from './library-packages.ts';

export interface LibrariesOptions {
  /** `CORRAL_LLAMA_DIR`; empty: none. What lies there is checked by the process that opens it. */
  ownFolder: string;
  /** `auto` uses a GPU library that is there and fetches none; naming a kind is the consent to fetch it. */
  gpu: 'auto' | 'off' | GpuKind;
  /** Where fetched libraries are kept. */
  folder: string;
  /** Address of the npm registry, with no slash at its end. */
  registry: string;
  client: HttpClient;
  log: Log;
  platform?: string;
  arch?: string;
  findGpus?: () => FoundGpu[];
  /** In tests: what the registry must deliver. */
  packages?: (gpu: GpuKind) => readonly LibraryPackage[];
}

export interface LibrariesStatus {
  directory: string;
  origin: 'own' | 'fetched' | 'package';
  gpus: FoundGpu[];
  /** A library that a GPU found here would need and that is not fetched yet. */
  wanting: GpuKind | null;
}

/** Where the libraries of llama.cpp are on this machine. */
export interface Libraries {
  /** Fetches what is missing where that was consented to. Asked at each start of an engine. */
  directory(): Promise<string>;
  status(): LibrariesStatus;
  /** Fetches the libraries for a GPU: the answer of a person who was asked, or a named `CORRAL_GPU`. */
  fetch(gpu: GpuKind, options?: FetchOptions): Promise<string>;
}

export function createLibraries(options: LibrariesOptions): Libraries {
  const { ownFolder, gpu, folder, platform = process.platform, arch = process.arch } = options;
  const findGpus = options.findGpus ?? (() => detectGpus());
  const packages = options.packages ?? ((kind: GpuKind) => packagesForGpu(platform, arch, kind));
  const folderOf = (kind: GpuKind): string => join(folder, `${platform}-${arch}-${kind}-${packageVersion}`);
  const isFetched = (kind: GpuKind): boolean => existsSync(folderOf(kind));
  let fetching: Promise<string> | null = null;

  function status(): LibrariesStatus {
    const gpus = gpu === 'off' ? [] : findGpus();
    if (ownFolder !== '') return { directory: ownFolder, origin: 'own', gpus, wanting: null };
    const named: GpuKind[] = gpu === 'auto' ? gpus.map((found) => found.kind) : gpu === 'off' ? [] : [gpu];
    const usable = named.filter((kind) => packages(kind).length > 0);
    const fetched = usable.find(isFetched);
    if (fetched !== undefined)
      return { directory: folderOf(fetched), origin: 'fetched', gpus, wanting: null };
    return {
      directory: processorPackageFolder(platform, arch),
      origin: 'package',
      gpus,
      wanting: usable[0] ?? null,
    };
  }

  function fetch(kind: GpuKind, how: FetchOptions = {}): Promise<string> {
    const wanted = packages(kind);
    if (wanted.length === 0) return Promise.reject(noPackage(kind, platform, arch));
    const { client, registry, log } = options;
    fetching ??= fetchLibraries(
      { client, registry, log, packages: wanted, target: folderOf(kind) },
      how,
    ).finally(() => {
      fetching = null;
    });
    return fetching;
  }

  return {
    status,
    fetch,
    directory: async () => {
      const found = status();
      if (found.wanting === null) return found.directory;
      if (gpu === found.wanting) return fetch(found.wanting);
      options.log.info(
        { gpu: found.wanting },
        'a GPU is here; its library is fetched when CORRAL_GPU names it',
      );
      return found.directory;
    },
  };
}

/** Where npm put the libraries for the processor. */
export function processorPackageFolder(
  platform: string = process.platform,
  arch: string = process.arch,
): string {
  const name = processorPackage(platform, arch);
  const found = name === null ? undefined : findPackageJSON(name, import.meta.url);
  if (name === null || found === undefined) {
    throw new AppError(
      'engine-library-refused',
      `The libraries of llama.cpp for ${platform}-${arch} are not here.`,
      {
        hint: name === null ? 'Point CORRAL_LLAMA_DIR at your own build.' : 'Run `npm ci` in the clone.',
      },
    );
  }
  return join(dirname(found), 'bins', name.slice(name.indexOf('/') + 1));
}

function noPackage(kind: GpuKind, platform: string, arch: string): AppError {
  return new AppError('engine-library-refused', `There is no ${kind} library for ${platform}-${arch}.`, {
    hint: 'Set CORRAL_GPU=off, or point CORRAL_LLAMA_DIR at your own build.',
  });
}
