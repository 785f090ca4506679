import { Client } from 'pg';
import type { Log } from '../../lib/log.ts';
import type { RunNotice } from '../run-store.ts';

export const noticeChannel = 'corral_run';
const retryMs = 1000;

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

  const connect = async (): Promise<void> => {
    const next = new Client({
      connectionString: options.url,
      application_name: 'corral-notices',
      keepAlive: true,
    });
    next.on('error', () => undefined);
    next.on('end', () => {
      if (!closed) timer = setTimeout(() => void reconnect(), retryMs);
    });
    next.on('notification', ({ payload }) => {
      if (payload !== undefined) options.onNotice(JSON.parse(payload) as RunNotice);
    });
    await next.connect();
    await next.query(`listen ${noticeChannel}`);
    client = next;
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
    }
  };

  await connect();
  return {
    async close() {
      closed = true;
      clearTimeout(timer);
      await client?.end();
    },
  };
}
