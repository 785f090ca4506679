import type { jobRoutes } from '@corral/app/contracts/api/jobs';
import type { logRoutes } from '@corral/app/contracts/api/log';
import type { modelRoutes } from '@corral/app/contracts/api/models';
import type { providerRoutes } from '@corral/app/contracts/api/providers';
import type { RequestOf, ResponseOf } from '@corral/app/contracts/api/route';
import type { settingsRoutes } from '@corral/app/contracts/api/settings';
import type { systemRoutes } from '@corral/app/contracts/api/system';
import type { ImportResult } from '@corral/app/contracts/api/transfer';
import type { ChatSettings } from '@corral/app/contracts/chats';
import { errorOf, request, unreachable } from './request.ts';

type Models = typeof modelRoutes;
type Jobs = typeof jobRoutes;
type Settings = typeof settingsRoutes;
type System = typeof systemRoutes;
type Log = typeof logRoutes;
type Providers = typeof providerRoutes;

const model = (id: string): string => `/api/models/${encodeURIComponent(id)}`;

export const modelsApi = {
  list: () => request<ResponseOf<Models['list']>>('GET', '/api/models'),
  show: (id: string) => request<ResponseOf<Models['show']>>('GET', model(id)),
  load: (id: string) => request<ResponseOf<Models['load']>>('POST', `${model(id)}/load`, {}),
  unload: (id: string) => request<void>('POST', `${model(id)}/unload`, {}),
  remove: (id: string) => request<ResponseOf<Models['remove']>>('DELETE', model(id)),
  disk: () => request<ResponseOf<Models['disk']>>('GET', '/api/models-disk'),
  catalogue: () => request<ResponseOf<Models['catalogue']>>('GET', '/api/catalogue'),
  preflight: (reference: string) =>
    request<ResponseOf<Models['preflight']>>('POST', '/api/preflight', { body: { reference } }),
  pull: (reference: string, force: boolean) =>
    request<ResponseOf<Models['pull']>>('POST', '/api/pulls', {
      body: force ? { reference, force } : { reference },
    }),
  adapters: () => request<ResponseOf<Models['adapters']>>('GET', '/api/adapters'),
  addAdapter: (body: RequestOf<Models['addAdapter']>) =>
    request<ResponseOf<Models['addAdapter']>>('POST', '/api/adapters', { body }),
  removeAdapter: (id: string, base: string) =>
    request<ResponseOf<Models['removeAdapter']>>('DELETE', `/api/adapters/${encodeURIComponent(id)}`, {
      query: { base },
    }),
};

export const jobsApi = {
  list: () => request<ResponseOf<Jobs['list']>>('GET', '/api/jobs', { query: { limit: 50 } }),
  cancel: (id: string) => request<ResponseOf<Jobs['cancel']>>('DELETE', `/api/jobs/${id}`),
  resume: (id: string) => request<ResponseOf<Jobs['resume']>>('POST', `/api/jobs/${id}/resume`, {}),
};

export const settingsApi = {
  effective: (query: { chatId?: string; model?: string }) =>
    request<ResponseOf<Settings['effective']>>('GET', '/api/settings', { query }),
  preferences: () => request<ResponseOf<Settings['preferences']>>('GET', '/api/preferences'),
  savePreferences: (body: RequestOf<Settings['savePreferences']>) =>
    request<ResponseOf<Settings['savePreferences']>>('PUT', '/api/preferences', { body }),
  presets: () => request<ResponseOf<Settings['presets']>>('GET', '/api/presets'),
  savePreset: (name: string, settings: ChatSettings) =>
    request<ResponseOf<Settings['savePreset']>>('PUT', `/api/presets/${encodeURIComponent(name)}`, {
      body: { settings },
    }),
  removePreset: (name: string) => request<void>('DELETE', `/api/presets/${encodeURIComponent(name)}`),
};

export const systemApi = {
  load: () => request<ResponseOf<System['load']>>('GET', '/api/load'),
  show: () => request<ResponseOf<System['show']>>('GET', '/api/system'),
  session: () => request<ResponseOf<System['session']>>('GET', '/api/session'),
  signIn: (key: string) => request<void>('POST', '/api/session', { body: { key } }),
  signOut: () => request<void>('DELETE', '/api/session'),
  backup: () => request<ResponseOf<System['backup']>>('POST', '/api/backups', {}),
  backups: () => request<ResponseOf<System['backups']>>('GET', '/api/backups'),
  contents: (backup: string | File) =>
    typeof backup === 'string'
      ? request<ResponseOf<System['backupContents']>>('GET', `/api/backups/${backup}`)
      : sendFile<ResponseOf<System['fileContents']>>('/api/backup-files/contents', backup),
  restore: (backup: string | File) =>
    typeof backup === 'string'
      ? request<ResponseOf<System['restoreBackup']>>('POST', `/api/backups/${backup}/restore`, {})
      : sendFile<ResponseOf<System['restoreFile']>>('/api/backup-files/restore', backup),
};

export const logApi = {
  status: () => request<ResponseOf<Log['status']>>('GET', '/api/log'),
  dead: () => request<ResponseOf<Log['dead']>>('GET', '/api/log/dead', { query: { limit: 50 } }),
  replay: (ids?: string[]) =>
    request<ResponseOf<Log['replay']>>('POST', '/api/log/replay', { body: ids ? { ids } : {} }),
};

export const providersApi = {
  list: () => request<ResponseOf<Providers['list']>>('GET', '/api/providers'),
  save: (name: string, body: RequestOf<Providers['save']>) =>
    request<ResponseOf<Providers['save']>>('PUT', `/api/providers/${name}`, { body }),
  remove: (name: string) => request<void>('DELETE', `/api/providers/${name}`),
  check: (name: string) =>
    request<ResponseOf<Providers['check']>>('POST', `/api/providers/${name}/check`, {}),
};

export const importFile = (file: File) => sendFile<ImportResult>('/api/import', file);

/** The file goes as it is: what it is, the server finds out. */
async function sendFile<T>(path: string, file: File): Promise<T> {
  const response = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: file,
  }).catch((error: unknown) => {
    throw unreachable(error);
  });
  if (!response.ok) throw await errorOf(response);
  return (await response.json()) as T;
}
