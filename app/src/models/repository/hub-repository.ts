import { AppError } from '../../contracts/app-error.ts';
import type { ModelOrigin } from '../../contracts/models.ts';
import type { HttpSource } from '../../net/http-source.ts';
import type { RepositoryFiles, WeightShard } from '../convert/convert-types.ts';
import { type FileSource, openFileSource } from '../../net/file-source.ts';
import { type CachedFile, type HubCache, isIntact } from '../hub/hub-cache.ts';
import type { HubCallOptions } from '../hub/hub-call.ts';
import { type HubClient, isAnnounced } from '../hub/hub-client.ts';
import type { HubFileEntry, HubSnapshot } from '../hub/hub-tree.ts';
import type { HubRepository } from '../reference.ts';
import type { Repository } from './repository.ts';

export interface HubRepositoryOptions {
  hub: HubClient;
  cache: HubCache;
  call: HubCallOptions;
  /** Something the person should know. */
  note: (message: string) => void;
}

/** A repository of the Hub at one commit. Without a network, one that the Python tools' cache holds. */
export async function openHubRepository(
  reference: HubRepository,
  options: HubRepositoryOptions,
): Promise<OpenHubRepository> {
  return new OpenHubRepository(await findSnapshot(reference, options), options);
}

export class OpenHubRepository implements Repository {
  readonly snapshot: HubSnapshot;
  readonly content: RepositoryFiles;
  readonly headers: RepositoryFiles;
  /** Why the Hub was not asked, where the cache speaks for it: what that lacks may well be there. */
  readonly unreachable: AppError | undefined;
  readonly #options: HubRepositoryOptions;
  readonly #entries: ReadonlyMap<string, HubFileEntry>;
  readonly #small = new Map<string, Promise<Uint8Array>>();
  readonly #verified = new Map<string, Promise<CachedFile | undefined>>();
  readonly #opened: FileSource[] = [];

  constructor({ snapshot, unreachable }: FoundSnapshot, options: HubRepositoryOptions) {
    this.snapshot = snapshot;
    this.unreachable = unreachable;
    this.#options = options;
    this.#entries = new Map(snapshot.files.map((file) => [file.path, file]));
    this.content = {
      name: snapshot.id,
      commit: snapshot.commit,
      ...(snapshot.licence === null ? {} : { licence: snapshot.licence }),
      names: snapshot.files.map(({ path }) => path),
      bytes: (path) => this.#bytes(path),
      shard: (path) => this.#shard(path),
    };
    this.headers = { ...this.content, shard: (path) => this.#unverified(path) };
  }

  get name(): string {
    return this.snapshot.id;
  }

  get commit(): string {
    return this.snapshot.commit;
  }

  get licence(): string | null {
    return this.snapshot.licence;
  }

  get isGated(): boolean {
    return this.snapshot.isGated;
  }

  get files(): readonly HubFileEntry[] {
    return this.snapshot.files;
  }

  origin(files: readonly string[]): ModelOrigin {
    const { id, revision, commit } = this.snapshot;
    return {
      kind: 'hub',
      endpoint: this.#options.hub.endpoint,
      repository: id,
      revision,
      commit,
      files: [...files],
    };
  }

  async checkAccess(path: string): Promise<void> {
    if (this.unreachable !== undefined || (await this.isHere(path))) return;
    await this.#options.hub.checkAccess(this.snapshot, this.entry(path), this.#options.call);
  }

  smallFiles(): HubFileEntry[] {
    return [...this.#small.keys()].map((path) => this.entry(path));
  }

  async isHere(path: string): Promise<boolean> {
    return (await this.#options.cache.find(this.snapshot, this.entry(path))) !== undefined;
  }

  async close(): Promise<void> {
    await Promise.all(this.#opened.splice(0).map((source) => source.close()));
  }

  entry(path: string): HubFileEntry {
    const found = this.#entries.get(path);
    if (found === undefined) throw new AppError('hub-not-found', `${this.name} has no file ${path}.`);
    return found;
  }

  source(path: string): HttpSource {
    return this.#options.hub.source(this.snapshot, this.entry(path), this.#options.call);
  }

  /** Where a verified copy is on this machine. It is read and hashed once, for whoever asks first. */
  cached(path: string, onProgress?: (doneBytes: number) => void): Promise<CachedFile | undefined> {
    const known = this.#verified.get(path) ?? this.#verify(path, onProgress);
    this.#verified.set(path, known);
    return known;
  }

  async #verify(path: string, onProgress?: (doneBytes: number) => void): Promise<CachedFile | undefined> {
    const file = await this.#options.cache.find(this.snapshot, this.entry(path));
    if (file === undefined) return undefined;
    const { signal } = this.#options.call;
    const progress = onProgress === undefined ? {} : { onProgress };
    if (await isIntact(file, this.entry(path), { signal, ...progress })) return file;
    this.#noteDamaged(path);
    return undefined;
  }

  #noteDamaged(path: string): void {
    this.#options.note(`${path} in the cache of the Python tools is damaged and is fetched again.`);
  }

  #bytes(path: string): Promise<Uint8Array | undefined> {
    const file = this.#entries.get(path);
    if (file === undefined) return Promise.resolve(undefined);
    const known = this.#small.get(path) ?? this.#fetchSmall(file);
    this.#small.set(path, known);
    return known;
  }

  async #fetchSmall(file: HubFileEntry): Promise<Uint8Array> {
    const { hub, cache, call } = this.#options;
    const here = await cache.find(this.snapshot, file);
    if (here !== undefined) {
      const bytes = await readPresent(here);
      if (isAnnounced(bytes, file)) return bytes;
      // People edit configs in there, and disks fail.
      this.#noteDamaged(file.path);
    }
    return hub.bytes(this.snapshot, file, call);
  }

  async #shard(path: string): Promise<WeightShard> {
    const { sha256 } = this.entry(path);
    const hash = sha256 === undefined ? {} : { sha256 };
    const here = await this.cached(path);
    if (here === undefined) return { source: this.source(path), ...hash };
    return { source: await this.#open(here.path), path: here.path, ...hash };
  }

  async #unverified(path: string): Promise<WeightShard> {
    const here = await this.#options.cache.find(this.snapshot, this.entry(path));
    if (here === undefined) return { source: this.source(path) };
    return { source: await this.#open(here.path), path: here.path };
  }

  async #open(path: string): Promise<FileSource> {
    const source = await openFileSource(path);
    this.#opened.push(source);
    return source;
  }
}

async function readPresent({ path, sizeBytes }: CachedFile): Promise<Uint8Array> {
  const source = await openFileSource(path);
  try {
    return await source.read(0, sizeBytes);
  } finally {
    await source.close();
  }
}

interface FoundSnapshot {
  snapshot: HubSnapshot;
  unreachable?: AppError;
}

async function findSnapshot(
  reference: HubRepository,
  { hub, cache, call, note }: HubRepositoryOptions,
): Promise<FoundSnapshot> {
  try {
    return { snapshot: await hub.snapshot(reference, call) };
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'hub-unreachable') throw error;
    const snapshot = await cache.snapshot(reference);
    if (snapshot === undefined) throw error;
    note(
      `The Hub cannot be reached; ${snapshot.id} is taken from the cache, at commit ${snapshot.commit.slice(0, 12)}.`,
    );
    return { snapshot, unreachable: error };
  }
}
