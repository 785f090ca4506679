import { createHash } from 'node:crypto';
import { AppError } from '../../contracts/app-error.ts';
import { createHttpSource, type HttpSource } from '../../net/http-source.ts';
import { defaultRetryPolicy, withRetries } from '../../net/retry.ts';
import type { HubRepository } from '../reference.ts';
import { createCall, type HubCallOptions, type HubOptions, secretsOf } from './hub-call.ts';
import { type HubContext, hubRefusal, toHubError } from './hub-errors.ts';
import { type HubFileEntry, type HubSnapshot, listFiles, readInfo } from './hub-tree.ts';

export interface HubClient {
  readonly endpoint: string;
  /** Pins the revision to a commit and lists its files. Nothing of their content is fetched. */
  snapshot(repository: HubRepository, options?: HubCallOptions): Promise<HubSnapshot>;
  /** Asks for permission without fetching: `hub-gated` and `hub-token-refused` say what to do. */
  checkAccess(snapshot: HubSnapshot, file: HubFileEntry, options?: HubCallOptions): Promise<void>;
  /** A small file as a whole, checked against its hash. */
  bytes(snapshot: HubSnapshot, file: HubFileEntry, options?: HubCallOptions): Promise<Buffer>;
  source(snapshot: HubSnapshot, file: HubFileEntry, options?: HubCallOptions): HttpSource;
}

/** Tokenizers reach 30 MB; everything larger is weights and is read as a source. */
const maxSmallFileBytes = 64 << 20;

/** Of a repository that was renamed again and again. */
const maxRenames = 6;

export function createHubClient(options: HubOptions): HubClient {
  const call = createCall(options);
  return {
    endpoint: options.endpoint,
    async snapshot(repository, callOptions = {}) {
      const context = contextOf(options, { id: repository.id, revision: repository.revision ?? 'main' });
      const path = `${options.endpoint}/api/models/${repository.id}`;
      const info = await readInfo(call, path, { context, callOptions });
      const tree = `${path}/tree/${info.commit}?recursive=true`;
      const files = await listFiles(call, tree, { context, callOptions });
      return { id: repository.id, revision: context.revision, ...info, files };
    },
    async checkAccess(snapshot, file, callOptions = {}) {
      const context = contextOf(options, snapshot, file);
      const request = { method: 'HEAD', redirects: 'return' } as const;
      let url: URL | null = fileUrl(options, snapshot, file);
      // A renamed repository is a redirect at the Hub itself, before anybody looks at rights.
      for (let step = 0; url !== null && step < maxRenames; step += 1) {
        const response = await call.send(url.href, context, { ...callOptions, request });
        await response.discard();
        const next: URL | null = URL.parse(response.headers['location'] ?? '', url.href);
        url = response.status >= 300 && next?.origin === url.origin ? next : null;
      }
    },
    bytes: (snapshot, file, callOptions = {}) => {
      const context = contextOf(options, snapshot, file);
      return withRetries({ policy: options.retry ?? defaultRetryPolicy, ...callOptions }, async () => {
        if (file.sizeBytes > maxSmallFileBytes) throw tooLarge(snapshot, file);
        const request = { maxBytes: file.sizeBytes + 1024 };
        const response = await call.once(fileUrl(options, snapshot, file).href, context, {
          ...callOptions,
          request,
        });
        const bytes = await response.bytes().catch((error: unknown) => {
          throw toHubError(error, context);
        });
        checkHash(bytes, snapshot, file);
        return bytes;
      });
    },
    source: (snapshot, file, callOptions = {}) =>
      createHttpSource({
        client: options.client,
        name: file.path,
        sizeBytes: file.sizeBytes,
        url: fileUrl(options, snapshot, file),
        secretHeaders: secretsOf(options),
        retry: options.retry ?? defaultRetryPolicy,
        linkedEtag: file.sha256,
        onRetry: callOptions.onRetry,
        refusal: (response) => hubRefusal(response, contextOf(options, snapshot, file)),
      }),
  };
}

/** Whether content is what the Hub's list says of the file. */
export function isAnnounced(bytes: Uint8Array, file: HubFileEntry): boolean {
  return bytes.length === file.sizeBytes && hashAs(file, bytes) === (file.sha256 ?? file.gitOid);
}

function hashAs({ sha256 }: HubFileEntry, bytes: Uint8Array): string {
  return sha256 === undefined
    ? createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')
    : createHash('sha256').update(bytes).digest('hex');
}

/** `hash-mismatch` where the content is not what the Hub's list says. */
function checkHash(bytes: Uint8Array, snapshot: Pick<HubSnapshot, 'id'>, file: HubFileEntry): void {
  if (isAnnounced(bytes, file)) return;
  throw new AppError('hash-mismatch', `${file.path} of ${snapshot.id} is not what the Hub announced.`, {
    hint: 'Pull again; if it stays, the mirror or the connection changes files.',
    details: { file: file.path, expected: file.sha256 ?? file.gitOid, actual: hashAs(file, bytes) },
  });
}

function tooLarge(snapshot: HubSnapshot, file: HubFileEntry): AppError {
  return new AppError('file-invalid', `${file.path} of ${snapshot.id} is larger than any file of its kind.`);
}

function fileUrl(options: HubOptions, snapshot: HubSnapshot, file: HubFileEntry): URL {
  const path = file.path.split('/').map(encodeURIComponent).join('/');
  return new URL(`${options.endpoint}/${snapshot.id}/resolve/${snapshot.commit}/${path}`);
}

function contextOf(
  options: HubOptions,
  at: { id: string; revision: string },
  file?: HubFileEntry,
): HubContext {
  return {
    endpoint: options.endpoint,
    repository: at.id,
    revision: at.revision,
    hasToken: options.token !== '',
    ...(file === undefined ? {} : { file: file.path }),
  };
}
