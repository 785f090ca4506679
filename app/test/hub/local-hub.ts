import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import {
  type HubCommit,
  type HubFile,
  type HubRepository,
  type HubRepositoryOptions,
  makeCommit,
} from './hub-repository.ts';
import { type Act, misbehave, type Misbehaviour } from './misbehaviour.ts';
import { serveBytes } from './serve-bytes.ts';

export interface RecordedRequest {
  origin: 'hub' | 'store';
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
}

/**
 * A Hub on this machine that speaks the Hub's protocol: model info and revisions, paged trees, files by commit, LFS and
 * Xet redirects to a second origin with signed addresses, gates, tokens, ranges, etags. It records every request and
 * misbehaves as told.
 */
export interface LocalHub {
  /** For `HF_ENDPOINT`. */
  endpoint: string;
  /** Where large files really are: `http://127.0.0.1:PORT`. */
  storeOrigin: string;
  /** Both, as `allowedHosts` of a client. */
  hosts: string[];
  requests: RecordedRequest[];
  /** Adds a repository, or a new commit to one that is there. Returns the commit. */
  add(options: HubRepositoryOptions): string;
  misbehave(misbehaviour: Misbehaviour): void;
  behave(): void;
  /** How often a signed address works before it answers 403; default for ever. */
  signedUses: number;
  close(): Promise<void>;
}

export interface LocalHubOptions {
  repositories?: HubRepositoryOptions[];
  /** Tokens of known accounts; any other token is refused everywhere. */
  tokens?: string[];
  /** Entries of a tree in one page; default 1000. */
  pageSize?: number;
}

export async function startLocalHub(options: LocalHubOptions = {}): Promise<LocalHub> {
  const repositories = new Map<string, HubRepository>();
  const rules: Misbehaviour[] = [];
  const uses = new Map<string, number>();
  const requests: RecordedRequest[] = [];
  const state: HubState = {
    repositories,
    tokens: new Set(options.tokens ?? []),
    pageSize: options.pageSize ?? 1000,
    storeOrigin: '',
  };

  const answer =
    (origin: 'hub' | 'store', handle: Handler) =>
    (request: IncomingMessage, response: ServerResponse): void => {
      const path = request.url ?? '';
      requests.push({ origin, method: request.method ?? '', path, headers: request.headers });
      const rule = rules.find(({ match, times }) => match.test(`${origin} ${path}`) && times !== 0);
      if (rule?.times !== undefined) rule.times -= 1;
      if (rule !== undefined && misbehave(rule.act, request, response)) return;
      handle({ request, response, path, act: rule?.act });
    };

  const store = createServer(
    answer('store', (exchange) => serveStored(state, exchange, () => isUsedUp(exchange.path))),
  );
  const hub = createServer(answer('hub', (exchange) => serveHub(state, exchange)));
  const isUsedUp = (path: string): boolean => {
    uses.set(path, (uses.get(path) ?? 0) + 1);
    return (uses.get(path) ?? 0) > local.signedUses;
  };
  const [endpoint, storeOrigin] = await Promise.all([listen(hub), listen(store)]);
  state.storeOrigin = storeOrigin;

  const local: LocalHub = {
    endpoint,
    storeOrigin,
    hosts: [endpoint, storeOrigin].map((origin) => new URL(origin).host),
    requests,
    signedUses: Number.POSITIVE_INFINITY,
    add(repositoryOptions) {
      const commit = makeCommit(repositoryOptions);
      const before = repositories.get(repositoryOptions.id)?.commits ?? [];
      repositories.set(repositoryOptions.id, { options: repositoryOptions, commits: [...before, commit] });
      return commit.sha;
    },
    misbehave: (rule) => void rules.push({ ...rule }),
    behave: () => void rules.splice(0),
    close: async () => {
      await Promise.all([closeServer(hub), closeServer(store)]);
    },
  };
  for (const repository of options.repositories ?? []) local.add(repository);
  return local;
}

interface HubState {
  repositories: Map<string, HubRepository>;
  tokens: Set<string>;
  pageSize: number;
  storeOrigin: string;
}

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  path: string;
  act: Act | undefined;
}

type Handler = (exchange: Exchange) => void;

function serveHub(state: HubState, exchange: Exchange): void {
  const url = new URL(exchange.path, 'http://hub');
  const api = /^\/api\/models\/([^/]+\/[^/]+)(?:\/(revision|tree)\/([^/]+))?$/.exec(url.pathname);
  const file = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(url.pathname);
  const match = api ?? file;
  const token = /^Bearer (.+)$/.exec(exchange.request.headers.authorization ?? '')?.[1];
  if (token !== undefined && !state.tokens.has(token)) {
    return refuse(exchange, { status: 401, message: 'Invalid credentials in Authorization header' });
  }
  const renamed = [...state.repositories.values()].find(
    ({ options }) => options.renamedFrom !== undefined && options.renamedFrom === match?.[1],
  );
  if (renamed !== undefined) {
    const location = exchange.path.replace(renamed.options.renamedFrom ?? '', renamed.options.id);
    return void exchange.response.writeHead(307, { location }).end();
  }
  const repository = state.repositories.get(match?.[1] ?? '');
  const isGranted = token !== undefined && repository?.options.granted?.includes(token) === true;
  if (repository === undefined || (repository.options.isPrivate === true && !isGranted)) {
    const status = token === undefined ? 401 : 404;
    return refuse(exchange, { status, code: 'RepoNotFound', message: 'Repository not found' });
  }
  const commit = findCommit(repository, decodeURIComponent((api === null ? file?.[2] : api[3]) ?? 'main'));
  if (commit === undefined) {
    return refuse(exchange, { status: 404, code: 'RevisionNotFound', message: 'Invalid rev id' });
  }
  if (api !== null) return serveApi(state, exchange, { repository, commit, isTree: api[2] === 'tree', url });
  if (token !== undefined && repository.options.limited?.includes(token) === true) {
    const message = 'Please enable access to public gated repositories in your fine-grained token settings.';
    return refuse(exchange, { status: 403, message });
  }
  if (repository.options.gated !== undefined && !isGranted) {
    const message = `Access to model ${repository.options.id} is restricted.`;
    return refuse(exchange, { status: token === undefined ? 401 : 403, code: 'GatedRepo', message });
  }
  serveFile(state, exchange, { repository, commit, name: decodeURIComponent(file?.[3] ?? '') });
}

function findCommit(repository: HubRepository, revision: string): HubCommit | undefined {
  if (revision === 'main') return repository.commits.at(-1);
  return repository.commits.find(({ sha }) => sha === revision);
}

interface ApiAnswer {
  repository: HubRepository;
  commit: HubCommit;
  isTree: boolean;
  url: URL;
}

function serveApi(state: HubState, exchange: Exchange, { repository, commit, isTree, url }: ApiAnswer): void {
  const { options } = repository;
  if (!isTree) {
    return json(exchange, {
      id: options.id,
      sha: commit.sha,
      private: options.isPrivate ?? false,
      gated: options.gated ?? false,
      cardData: {
        ...(options.licence === undefined ? {} : { license: options.licence }),
        ...(options.baseModel === undefined ? {} : { base_model: options.baseModel }),
      },
      tags: options.licence === undefined ? [] : [`license:${options.licence}`],
      siblings: commit.files.map(({ path }) => ({ rfilename: path })),
    });
  }
  const from = Number(url.searchParams.get('cursor') ?? 0);
  const page = commit.files.slice(from, from + state.pageSize);
  const next = from + state.pageSize;
  url.searchParams.set('cursor', String(next));
  const link = `<http://${exchange.request.headers.host}${url.pathname}${url.search}>; rel="next"`;
  json(
    exchange,
    [
      ...(from === 0 ? [{ type: 'directory', oid: '0'.repeat(40), size: 0, path: 'a-folder' }] : []),
      ...page.map((file) => treeEntry(file, options)),
    ],
    next < commit.files.length ? { link } : {},
  );
}

function treeEntry(file: HubFile, options: HubRepositoryOptions): object {
  const { sha256, bytes } = file;
  return {
    type: 'file',
    oid: file.gitOid,
    size: bytes.length,
    path: file.path,
    ...(sha256 === undefined ? {} : { lfs: { oid: sha256, size: bytes.length, pointerSize: 134 } }),
    ...(sha256 !== undefined && options.storage === 'xet'
      ? { xetHash: sha256.split('').reverse().join('') }
      : {}),
  };
}

interface FileAnswer {
  repository: HubRepository;
  commit: HubCommit;
  name: string;
}

function serveFile(state: HubState, exchange: Exchange, { repository, commit, name }: FileAnswer): void {
  const file = commit.files.find(({ path }) => path === name);
  const headers: Record<string, string> = { 'x-repo-commit': commit.sha };
  if (file === undefined) {
    return refuse(exchange, { status: 404, code: 'EntryNotFound', message: 'Entry not found', headers });
  }
  const { sha256 } = file;
  if (sha256 === undefined) {
    const served = { bytes: file.bytes, etag: `"${file.gitOid}"`, headers };
    return serveBytes(exchange.request, exchange.response, served, exchange.act);
  }
  const isXet = repository.options.storage === 'xet';
  exchange.response
    .writeHead(302, {
      ...headers,
      'x-linked-etag': `"${sha256}"`,
      'x-linked-size': String(file.bytes.length),
      ...(isXet ? { 'x-xet-hash': sha256.split('').reverse().join('') } : {}),
      location: `${state.storeOrigin}/${isXet ? 'xet-bridge' : 'lfs'}/${encodeURIComponent(repository.options.id)}/${sha256}?signature=${Math.random().toString(36).slice(2)}`,
    })
    .end('Found. Redirecting');
}

/** The second origin: it knows contents by hash, and a token is the last thing it should ever see. */
function serveStored(state: HubState, exchange: Exchange, isUsedUp: () => boolean): void {
  const [, , , sha256 = ''] = new URL(exchange.path, 'http://store').pathname.split('/');
  const file = [...state.repositories.values()]
    .flatMap(({ commits }) => commits.flatMap(({ files }) => files))
    .find((candidate) => candidate.sha256 === sha256);
  if (isUsedUp()) {
    exchange.response.writeHead(403).end('<Error><Code>AccessDenied</Code>Request has expired</Error>');
  } else if (file === undefined) {
    exchange.response.writeHead(404).end('<Error><Code>NoSuchKey</Code></Error>');
  } else {
    // Like the real store, whose etag of a multipart upload is not the content's hash.
    serveBytes(
      exchange.request,
      exchange.response,
      { bytes: file.bytes, etag: `"${sha256.slice(0, 32)}-2"` },
      exchange.act,
    );
  }
}

interface Refusal {
  status: number;
  message: string;
  code?: string;
  headers?: Record<string, string>;
}

function refuse(exchange: Exchange, { status, message, code, headers }: Refusal): void {
  exchange.response
    .writeHead(status, {
      ...headers,
      ...(code === undefined ? {} : { 'x-error-code': code }),
      'x-error-message': message,
      'content-type': 'application/json',
    })
    .end(JSON.stringify({ error: message }));
}

function json(exchange: Exchange, body: unknown, headers: Record<string, string> = {}): void {
  const bytes = Buffer.from(JSON.stringify(body));
  serveBytes(
    exchange.request,
    exchange.response,
    { bytes, etag: 'W/"api"', headers: { ...headers, 'content-type': 'application/json' } },
    exchange.act,
  );
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}
