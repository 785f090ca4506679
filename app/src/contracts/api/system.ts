import { z } from 'zod';
import { maxAccessKeyLength } from '../key-text.ts';
import { flagParameter, route } from './route.ts';

export const systemSchema = z.object({
  title: z.string(),
  description: z.string(),
  version: z.string(),
  /** Changes at every start: a page that sees another one loads its data again. */
  bootId: z.string(),
  /** Changes with the page's own files: an open tab that differs offers to reload. */
  pageVersion: z.string(),
  versions: z.object({ node: z.string(), engine: z.string().nullable(), store: z.string() }),
  /** Names of settings that the operator fixed (environment, flags, file), with the value where it is no secret. */
  locked: z.array(
    z.object({
      name: z.string(),
      value: z.union([z.string(), z.number(), z.boolean(), z.null()]),
      source: z.string(),
    }),
  ),
  /** What happened at the start that a person should know: a damaged file set aside, a backup restored. */
  notices: z.array(z.string()),
  /** False while the disk is full: reading goes on, writing is refused. */
  writable: z.boolean(),
  features: z.object({
    feedback: z.boolean(),
    logging: z.enum(['off', 'metadata', 'full']),
    /** Host to which finished chats are logged; null when they are not. */
    loggingHost: z.string().nullable(),
    accessKey: z.boolean(),
    hubToken: z.boolean(),
  }),
  machine: z.object({
    platform: z.string(),
    architecture: z.string(),
    processor: z.string(),
    cores: z.number(),
    memoryBytes: z.number(),
    availableMemoryBytes: z.number(),
    freeDiskBytes: z.number().nullable(),
    gpus: z.array(z.object({ name: z.string(), memoryBytes: z.number().nullable() })),
  }),
  defaultModel: z.string(),
  home: z.string(),
});
export type SystemInformation = z.infer<typeof systemSchema>;

/** What is in memory now, and who waits for an answer. */
export const loadSchema = z.object({
  memoryBytes: z.number(),
  availableMemoryBytes: z.number(),
  models: z.array(
    z.object({
      model: z.string(),
      state: z.enum(['loading', 'loaded']),
      /** Null for a service, and while it loads. */
      memory: z.object({ residentBytes: z.number(), kvBytes: z.number() }).nullable(),
      answering: z.number(),
      /** Zero for a service, which has a queue of its own. */
      waiting: z.number(),
    }),
  ),
});
export type Load = z.infer<typeof loadSchema>;

export const signInSchema = z.strictObject({ key: z.string().min(1).max(maxAccessKeyLength) });

export const backupContentsSchema = z.object({
  /** Without what is in the trash. */
  chats: z.number(),
  messages: z.number(),
  /** When something was last said in one of them. */
  newestAt: z.number().nullable(),
});
export type BackupContents = z.infer<typeof backupContentsSchema>;

const backupParams = z.strictObject({
  name: z.string().regex(/^corral-[\w-]{1,120}(\.db|\.corral\.gz)$/, 'a backup of the list'),
});
/** Name of the backup of what was there. */
const restoredSchema = z.object({ previous: z.string() });
/** Many times the database of a busy life; what the disk does not hold is refused before. */
const maxBackupBytes = 16 * 1024 ** 3;

export const systemRoutes = {
  show: route({
    method: 'GET',
    path: '/api/system',
    summary: 'Title, versions, what is locked, and this machine',
    tag: 'system',
    status: 200,
    response: systemSchema,
  }),
  load: route({
    method: 'GET',
    path: '/api/load',
    summary: 'What is in memory now, and how many are answered or wait',
    tag: 'system',
    status: 200,
    response: loadSchema,
  }),
  session: route({
    method: 'GET',
    path: '/api/session',
    summary: 'Who is asking, and how they proved it',
    tag: 'system',
    status: 200,
    response: z.object({ owner: z.string(), by: z.enum(['loopback', 'cookie', 'bearer', 'local-token']) }),
  }),
  signIn: route({
    method: 'POST',
    path: '/api/session',
    summary: 'Sign in with the access key; sets an HttpOnly cookie',
    tag: 'system',
    status: 204,
    body: signInSchema,
  }),
  signOut: route({
    method: 'DELETE',
    path: '/api/session',
    summary: 'Sign out: the cookie is taken back, and its streams end',
    tag: 'system',
    status: 204,
  }),
  backup: route({
    method: 'POST',
    path: '/api/backups',
    summary: 'Back the database up now, while everything runs',
    tag: 'system',
    status: 201,
    /** `archive`: in the form that both SQLite and PostgreSQL can restore. */
    query: z.strictObject({ archive: flagParameter.optional() }),
    response: z.object({ name: z.string(), sizeBytes: z.number(), createdAt: z.number() }),
  }),
  backupContents: route({
    method: 'GET',
    path: '/api/backups/:name',
    summary: 'What a backup of the list holds',
    tag: 'system',
    status: 200,
    params: backupParams,
    response: backupContentsSchema,
  }),
  restoreBackup: route({
    method: 'POST',
    path: '/api/backups/:name/restore',
    summary: 'Put a backup in place of everything there is; what was there is backed up first',
    tag: 'system',
    status: 200,
    params: backupParams,
    response: restoredSchema,
  }),
  fileContents: route({
    method: 'POST',
    path: '/api/backup-files/contents',
    summary: 'What a backup in a file of one’s own holds; sent as the body',
    tag: 'system',
    status: 200,
    body: z.unknown(),
    response: backupContentsSchema,
    bodyLimitBytes: maxBackupBytes,
  }),
  restoreFile: route({
    method: 'POST',
    path: '/api/backup-files/restore',
    summary: 'Restore a backup from a file of one’s own; sent as the body',
    tag: 'system',
    status: 200,
    body: z.unknown(),
    response: restoredSchema,
    bodyLimitBytes: maxBackupBytes,
  }),
  backups: route({
    method: 'GET',
    path: '/api/backups',
    summary: 'Backups there are, newest first',
    tag: 'system',
    status: 200,
    response: z.object({
      backups: z.array(z.object({ name: z.string(), sizeBytes: z.number(), createdAt: z.number() })),
    }),
  }),
} as const;
