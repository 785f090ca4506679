import { AppError } from '../../contracts/app-error.ts';
import type { ModelOrigin } from '../../contracts/models.ts';
import type { RepositoryFiles } from '../convert/convert-types.ts';
import { chooseWeightFiles } from '../convert/weights.ts';

export interface RepositoryFile {
  path: string;
  sizeBytes: number;
  sha256?: string;
}

/** A Hugging Face repository, on the Hub or in a folder, as everything that plans a pull sees it. */
export interface Repository {
  /** `owner/name`, or the name of a folder. */
  readonly name: string;
  readonly commit: string | null;
  readonly licence: string | null;
  readonly isGated: boolean;
  readonly files: readonly RepositoryFile[];
  /** What the converter reads; weights come from this machine where they are here, else over the network. */
  readonly content: RepositoryFiles;
  /** The same for a look at the headers of weights before any are fetched: copies that are here are not checked for it. */
  readonly headers: RepositoryFiles;
  origin(files: readonly string[]): ModelOrigin;
  /** Asks whether a file of weights may be fetched, before it is. */
  checkAccess(path: string): Promise<void>;
  /** Configs and vocabularies that were read so far: planning reads all that a conversion needs. */
  smallFiles(): readonly RepositoryFile[];
  /** Whether a file need not travel. */
  isHere(path: string): Promise<boolean>;
  close(): Promise<void>;
}

/** A list of shards of the largest models is 200 kB. */
const maxIndexBytes = 16 << 20;

/** A small JSON file of a repository; undefined where there is none, `file-invalid` where it is not an object. */
export async function readJson(
  content: RepositoryFiles,
  path: string,
  signal?: AbortSignal,
): Promise<Record<string, unknown> | undefined> {
  const bytes = await content.bytes(path, signal);
  if (bytes === undefined) return undefined;
  try {
    if (bytes.length > maxIndexBytes) throw new RangeError('it is too large');
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new TypeError('it is not an object');
    return value as Record<string, unknown>;
  } catch (cause) {
    throw new AppError('file-invalid', `${path} of ${content.name} is not a JSON object.`, { cause });
  }
}

/** The files of weights that a conversion reads, in order; empty where there are none. */
export async function weightFiles(repository: Repository, signal?: AbortSignal): Promise<RepositoryFile[]> {
  try {
    const names = await chooseWeightFiles(repository.content, signal);
    return names.flatMap((name) => repository.files.filter(({ path }) => path === name));
  } catch (error) {
    if (error instanceof AppError && error.code === 'model-unsupported') return [];
    throw error;
  }
}

export function adapterWeights(repository: Repository): RepositoryFile | undefined {
  const find = (name: string): RepositoryFile | undefined =>
    repository.files.find(({ path }) => path === name);
  return find('adapter_model.safetensors') ?? find('adapter_model.bin');
}

export function hasFile(repository: Repository, path: string): boolean {
  return repository.files.some((file) => file.path === path);
}
