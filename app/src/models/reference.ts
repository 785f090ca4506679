import { AppError } from '../contracts/app-error.ts';
import { type Quantisation, quantisations } from '../contracts/models.ts';

/**
 * How a person names a model (DESIGN.md §5). Parsing knows nothing of disks and networks: whether a repository is
 * fetched, converted or is an adapter is decided later, by its files.
 */
export type ModelReference =
  | { kind: 'name'; name: string; tag?: string }
  | { kind: 'provider'; provider: string; model: string }
  | {
      kind: 'hub';
      repository: HubRepository;
      /** One file of the repository, by its path there. */
      file?: string;
      adapters: AdapterReference[];
      /** What comes after the last colon: a quantisation, or the label of a file in a GGUF repository. */
      tag?: string;
    }
  | { kind: 'local'; path: string; adapters: AdapterReference[]; tag?: string };

export interface HubRepository {
  /** `owner/name` as the Hub spells it. */
  id: string;
  /** Branch, tag or commit; absent: main. */
  revision?: string;
}

export type AdapterReference = { weight: number } & (
  | { kind: 'hub'; repository: HubRepository }
  | { kind: 'local'; path: string }
);

export interface ReferenceOptions {
  /** Names of the configured providers. */
  providers?: readonly string[];
}

/** Longest text that is looked at: two repositories, revisions and a file fit many times over. */
const maxReferenceLength = 2048;
const maxAdapters = 8;
/** `word:owner/name` can be nothing else than a model of a provider. */
const namesProvider = /^[a-z][a-z0-9-]{0,31}:[^/\s]+\/[^/]/;
/** The Hub's own rule: letters, digits, `-`, `_`, `.`; no `..` or `--`, 96 characters at most. */
const repositoryPart = /^(?!.*(?:\.\.|--))[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?$/;
const revisionText = /^(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9._/-]{0,199}$/;
const tagText = /^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/;
const nameText = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,95}$/;
const filePart = /^(?!\.\.?$)[^\\/:*?"<>|%\p{Cc}]{1,200}$/u;
const hubHosts = ['https://huggingface.co/', 'http://huggingface.co/', 'huggingface.co/', 'hf.co/'];

/** Parses every form of a reference; `model-reference-invalid` says what is wrong with it and what is possible. */
export function parseReference(text: string, options: ReferenceOptions = {}): ModelReference {
  const reference = text.trim();
  if (reference === '' || reference.length > maxReferenceLength)
    throw invalid(text, 'it is empty or too long');
  return (
    parseProvider(reference, options.providers ?? []) ??
    parseLocal(reference) ??
    parseHubUrl(reference) ??
    (reference.includes('/') ? parseHub(reference) : parseName(reference))
  );
}

/** The one spelling of a reference; parsing it gives the same reference again. */
export function formatReference(reference: ModelReference): string {
  const tag = 'tag' in reference && reference.tag !== undefined ? `:${reference.tag}` : '';
  switch (reference.kind) {
    case 'name':
      return reference.name + tag;
    case 'provider':
      return `${reference.provider}:${reference.model}`;
    case 'local':
      return reference.path + reference.adapters.map(formatAdapter).join('') + tag;
    case 'hub': {
      const file = reference.file === undefined ? '' : `/${reference.file}`;
      return (
        formatRepository(reference.repository) + file + reference.adapters.map(formatAdapter).join('') + tag
      );
    }
  }
}

/** Whether any part of a reference is a file or folder of this machine; what is no reference leads nowhere. */
export function namesPath(text: string): boolean {
  try {
    const reference = parseReference(text);
    const parts = 'adapters' in reference ? [reference, ...reference.adapters] : [reference];
    return parts.some(({ kind }) => kind === 'local');
  } catch {
    return false;
  }
}

/** A finished GGUF file is taken as it is. Of a path only the disk knows whether it leads to one. */
export function refuseChangesToFile(
  text: string,
  { adapters, tag }: { adapters: readonly AdapterReference[]; tag?: string },
): void {
  if (adapters.length > 0) throw invalid(text, 'an adapter cannot be merged into a finished GGUF file');
  if (tag !== undefined) throw invalid(text, 'a file is named, so no quantisation can be chosen');
}

/** `q4_k_m` for `Q4_K_M`; undefined where the tag is not one of ours (a label of a GGUF repository). */
export function quantisationOf(tag: string | undefined): Quantisation | undefined {
  const lower = tag?.toLowerCase();
  return quantisations.find((name) => name === lower);
}

function formatRepository(repository: HubRepository): string {
  return repository.revision === undefined ? repository.id : `${repository.id}@${repository.revision}`;
}

function formatAdapter(adapter: AdapterReference): string {
  const what = adapter.kind === 'hub' ? formatRepository(adapter.repository) : adapter.path;
  return `+${what}${adapter.weight === 1 ? '' : `*${adapter.weight}`}`;
}

function parseProvider(text: string, providers: readonly string[]): ModelReference | undefined {
  const colon = text.indexOf(':');
  if (colon <= 0) return undefined;
  const provider = text.slice(0, colon);
  const model = text.slice(colon + 1);
  if (!providers.includes(provider)) {
    if (namesProvider.test(text)) throw unknownProvider(provider, providers);
    return undefined;
  }
  if (model === '') throw invalid(text, `no model is named after ${provider}:`);
  return { kind: 'provider', provider, model };
}

const beginsAsPath = /^(?:\/|\.\.?(?:\/|$)|~(?:\/|$))/;

/** The reference for what can only be a path: `llama` alone, or `models/llama`, would be something else. */
export function pathReference(path: string): string {
  return beginsAsPath.test(path) ? path : `./${path}`;
}

function isLocalPath(text: string): boolean {
  return beginsAsPath.test(text) || (!text.includes('/') && text.toLowerCase().endsWith('.gguf'));
}

function parseLocal(text: string): ModelReference | undefined {
  if (!isLocalPath(text)) return undefined;
  const { body, tag } = cutTag(text, (word) => quantisationOf(word) !== undefined);
  const [path = '', ...rest] = body.split('+');
  if (path.includes('\0')) throw invalid(text, 'a path cannot contain a zero character');
  return { kind: 'local', path, adapters: parseAdapters(text, rest), ...withTag(tag) };
}

/** Takes addresses as copied from a browser: the page of a repository, of a branch, of a file. */
function parseHubUrl(text: string): ModelReference | undefined {
  const host = hubHosts.find((prefix) => text.startsWith(prefix));
  if (host === undefined) {
    if (/^[a-z]+:\/\//i.test(text)) throw invalid(text, 'only addresses of huggingface.co are understood');
    return undefined;
  }
  const path = text
    .slice(host.length)
    .replace(/[?#].*$/, '')
    .replace(/\/$/, '');
  const [owner = '', name = '', verb, revision, ...file] = path.split('/');
  if (verb === undefined) return parseHub(path);
  if (!['tree', 'blob', 'resolve', 'raw'].includes(verb) || revision === undefined) {
    throw invalid(text, 'it is not the address of a repository, a branch or a file');
  }
  const at = revision === 'main' ? '' : `@${revision}`;
  return parseHub([`${owner}/${name}${at}`, ...file].join('/'));
}

function parseHub(text: string): ModelReference {
  const { body, tag } = cutTag(text, (word) => !word.includes('/'));
  const [main = '', ...rest] = body.split('+');
  const { path, file } = cutFile(main);
  const changes = { adapters: parseAdapters(text, rest), ...withTag(tag) };
  if (file !== undefined) refuseChangesToFile(text, changes);
  return {
    kind: 'hub',
    repository: parseRepository(text, path),
    ...(file === undefined ? {} : { file }),
    ...changes,
  };
}

function parseName(text: string): ModelReference {
  const { body, tag } = cutTag(text, () => true);
  if (body.includes('+')) throw invalid(text, 'adapters can be added to owner/name or to a folder');
  if (!nameText.test(body)) throw invalid(text, 'a model is named owner/name, or by its name in the list');
  return { kind: 'name', name: body, ...withTag(tag) };
}

/** Cuts `owner/name[@revision]/dir/file.gguf` before the file; without `.gguf` there is none. */
function cutFile(text: string): { path: string; file?: string } {
  if (!text.toLowerCase().endsWith('.gguf')) return { path: text };
  const parts = text.split('/');
  if (parts.length < 3) return { path: text };
  const file = parts.slice(2);
  if (!file.every((part) => filePart.test(part))) throw invalid(text, 'the file name is not allowed');
  return { path: parts.slice(0, 2).join('/'), file: file.join('/') };
}

function cutTag(text: string, isTag: (word: string) => boolean): { body: string; tag?: string } {
  const colon = text.lastIndexOf(':');
  if (colon < 0) return { body: text };
  const tag = text.slice(colon + 1);
  if (!isTag(tag)) return { body: text };
  if (!tagText.test(tag)) throw invalid(text, `${JSON.stringify(tag)} is not a quantisation`);
  return { body: text.slice(0, colon), tag };
}

function withTag(tag: string | undefined): { tag?: string } {
  if (tag === undefined) return {};
  return { tag: quantisationOf(tag) ?? tag };
}

function parseAdapters(text: string, parts: readonly string[]): AdapterReference[] {
  if (parts.length > maxAdapters) throw invalid(text, `more than ${maxAdapters} adapters are named`);
  return parts.map((part) => {
    const star = part.lastIndexOf('*');
    const weight = star < 0 ? 1 : parseWeight(text, part.slice(star + 1));
    const body = star < 0 ? part : part.slice(0, star);
    if (isLocalPath(body)) return { kind: 'local', path: body, weight };
    return { kind: 'hub', repository: parseRepository(text, body), weight };
  });
}

function parseWeight(text: string, word: string): number {
  const weight = Number(word);
  if (!/^-?\d{1,3}(?:\.\d{1,6})?$/.test(word) || weight === 0 || Math.abs(weight) > 100) {
    throw invalid(text, `${JSON.stringify(word)} is not a weight (a number between -100 and 100, not 0)`);
  }
  return weight;
}

function parseRepository(text: string, body: string): HubRepository {
  const at = body.indexOf('@');
  const id = at < 0 ? body : body.slice(0, at);
  const parts = id.split('/');
  if (parts.length !== 2 || !parts.every((part) => repositoryPart.test(part))) {
    throw invalid(text, `${JSON.stringify(id)} is not owner/name`);
  }
  if (at < 0) return { id };
  const revision = body.slice(at + 1);
  if (!revisionText.test(revision)) throw invalid(text, `${JSON.stringify(revision)} is not a revision`);
  return { id, revision };
}

function unknownProvider(provider: string, known: readonly string[]): AppError {
  const configured = known.length === 0 ? '' : ` There are: ${known.join(', ')}.`;
  const hint =
    provider === 'hf'
      ? 'Set HF_TOKEN in .env to use Hugging Face as hf:, and start again.'
      : `Set CORRAL_PROVIDER_${provider.toUpperCase().replaceAll('-', '_')}_URL in .env, or add it in Settings, Providers.`;
  return new AppError('provider-unknown', `No provider "${provider}" is set up.${configured}`, {
    hint,
    details: { provider },
  });
}

function invalid(text: string, why: string): AppError {
  const shown = text.length > 200 ? `${text.slice(0, 200)}…` : text;
  return new AppError('model-reference-invalid', `${JSON.stringify(shown)} does not name a model: ${why}.`, {
    hint: 'Write owner/name, owner/name+owner/adapter:q4_k_m, owner/name/file.gguf, a path, provider:model, or a name that `corral list` shows.',
  });
}
