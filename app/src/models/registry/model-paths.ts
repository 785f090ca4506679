import { createHash } from 'node:crypto';
import { join } from 'node:path';

/**
 * The only place that makes paths under CORRAL_HOME/models. It takes hashes that were made here and fixed words, and no
 * name that came from a person, a file or the network: such names are kept inside manifests, as text.
 */
export interface ModelPaths {
  readonly root: string;
  readonly blobs: string;
  readonly manifests: string;
  readonly adapters: string;
  readonly pulls: string;
  blob(sha256: string): string;
  manifest(id: string): string;
  adapter(id: string, base: string): string;
  /** Work folder of one pull; `key` is made by `pullKey`. */
  pull(key: string): string;
  inPull(key: string, part: PullPart): string;
}

/** What a pull keeps while it is under way; numbered files are those of the repositories, in the order of the plan. */
export type PullPart =
  | 'pull.json'
  | 'pull.json.part'
  | 'result.gguf'
  | 'result.journal'
  | 'result.journal.part'
  | `${number}.file`
  | `${number}.part`
  | `${number}.journal`;

const hashText = /^[0-9a-f]{64}$/;
const partText =
  /^(?:pull\.json(?:\.part)?|result\.(?:gguf|journal(?:\.part)?)|\d{1,4}\.(?:file|part|journal))$/;

export function createModelPaths(root: string): ModelPaths {
  const folder = (name: string): string => join(root, name);
  const checked = (hash: string): string => {
    if (!hashText.test(hash)) throw new TypeError('a path is made from hashes only');
    return hash;
  };
  const pull = (key: string): string => join(root, 'pulls', checked(key));
  return {
    root,
    blobs: folder('blobs'),
    manifests: folder('manifests'),
    adapters: folder('adapters'),
    pulls: folder('pulls'),
    blob: (sha256) => join(root, 'blobs', `sha256-${checked(sha256)}.gguf`),
    manifest: (id) => join(root, 'manifests', `${hashOf(id)}.json`),
    adapter: (id, base) => join(root, 'adapters', `${hashOf(JSON.stringify([id, base]))}.json`),
    pull,
    inPull: (key, part) => {
      if (!partText.test(part)) throw new TypeError('a pull keeps files of fixed names only');
      return join(pull(key), part);
    },
  };
}

/** Identifies the work of one pull: the same input goes on where it was left. */
export function pullKey(input: unknown): string {
  return hashOf(JSON.stringify(input));
}

/** sha256 of a blob's file name; undefined for any other name. */
export function blobHash(fileName: string): string | undefined {
  return /^sha256-([0-9a-f]{64})\.gguf$/.exec(fileName)?.[1];
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
