import { Client } from 'pg';
import type { Log } from '../../lib/log.ts';
import type { RunNotice } from '../run-store.ts';
import { endConnections, keepAlive } from './postgres-pool.ts';

export const noticeChannel = 'corral_run';
const retryMs = 1000;
const answerMs = 10_000;

export interface NoticeListener {
  close(): Promise<void>;
}

interface ListenOptions {
  url: string;
  log: Log;
  onNotice(notice: RunNotice): void;
  /** Some may have been missed. */
  onGap(): void;
}

/** Hears what any server on this database tells about runs. Notices carry ids and numbers, never text. */
export async function listenForNotices(options: ListenOptions): Promise<NoticeListener> {
  let client: Client | undefined;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  const retry = (): void => {
    if (!closed) timer = setTimeout(() => void reconnect(), retryMs);
  };
  const connect = async (): Promise<void> => {
    client = await startListening(options);
    // Closed while it connected.
    if (closed) await leave(client);
    else client.on('end', retry);
  };
  const reconnect = async (): Promise<void> => {
    try {
      await connect();
      options.onGap();
    } catch (error) {
      options.log.warn(
        { part: 'store', error: String(error) },
        'notices of PostgreSQL are not heard at the moment',
      );
      retry();
    }
  };

  await connect();
  return {
    async close() {
      closed = true;
      clearTimeout(timer);
      if (client) await leave(client);
    },
  };
}

const leave = (client: Client): Promise<void> => endConnections([client], () => client.end());

/** Rejects where the server cannot be reached or lets nobody listen, as a standby does; nothing is left open then. */
async function startListening(options: ListenOptions): Promise<Client> {
  const client = new Client({
    connectionString: options.url,
    application_name: 'corral-notices',
    connectionTimeoutMillis: answerMs,
    query_timeout: answerMs,
    ...keepAlive,
  });
  client.on('error', () => undefined);
  client.on('notification', ({ payload }) => {
    if (payload !== undefined) options.onNotice(JSON.parse(payload) as RunNotice);
  });
  try {
    await client.connect();
    await client.query(`listen ${noticeChannel}`);
    return client;
  } catch (error) {
    await leave(client).catch(() => undefined);
    throw error;
  }
}
