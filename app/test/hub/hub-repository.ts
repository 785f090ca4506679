import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A repository as the local Hub serves it. */
export interface HubRepositoryOptions {
  /** `owner/name`. */
  id: string;
  /** Serves a folder, read once. */
  folder?: string;
  /** Or these files, by any name at all, hostile ones included. */
  files?: Record<string, string | Uint8Array>;
  licence?: string;
  /** Metadata is open, files need a token that was granted. */
  gated?: 'auto' | 'manual';
  /** Without a granted token it looks as if it did not exist. */
  isPrivate?: boolean;
  /** An old name: the Hub sends on from there before it looks at rights. */
  renamedFrom?: string;
  /** Tokens that lack a right, though their accounts have it. */
  limited?: string[];
  /** Tokens whose accounts may read a gated or private repository. */
  granted?: string[];
  /** How large files are stored: both redirect to the second origin. */
  storage?: 'lfs' | 'xet';
  baseModel?: string;
}

export interface HubFile {
  path: string;
  bytes: Buffer;
  gitOid: string;
  /** Only of files that are stored apart (LFS or Xet). */
  sha256?: string;
}

export interface HubCommit {
  sha: string;
  files: HubFile[];
}

export interface HubRepository {
  options: HubRepositoryOptions;
  /** Newest last; `main` is the last one. */
  commits: HubCommit[];
}

const storedApart = /\.(?:safetensors|bin|gguf|model|pt|msgpack)$/i;

export function makeCommit(options: HubRepositoryOptions): HubCommit {
  const contents = options.folder === undefined ? (options.files ?? {}) : readFolder(options.folder);
  const files = Object.entries(contents).map(([path, content]) =>
    makeFile(path, Buffer.from(content as Uint8Array)),
  );
  const sha = createHash('sha1')
    .update(JSON.stringify([options.id, files.map(({ path, gitOid }) => [path, gitOid])]))
    .digest('hex');
  return { sha, files };
}

function makeFile(path: string, bytes: Buffer): HubFile {
  const gitOid = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
  if (!storedApart.test(path)) return { path, bytes, gitOid };
  return { path, bytes, gitOid, sha256: createHash('sha256').update(bytes).digest('hex') };
}

function readFolder(folder: string): Record<string, Uint8Array> {
  return Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const path = join(entry.parentPath, entry.name);
        return [path.slice(folder.length + 1), readFileSync(path)];
      })
      .sort(([one], [other]) => (String(one) < String(other) ? -1 : 1)),
  );
}
