import { type Dialect, PostgresDialect } from 'kysely';
import { type Client, Pool, type PoolClient, TypeOverrides } from 'pg';
import { decodeText, encodeText } from '../text-codec.ts';

const maxConnections = 10;
const connectTimeoutMs = 10_000;
/** No call of ours takes as long; what does is stuck. */
const statementTimeoutMs = 60_000;
/** A server that does not keep that limit itself is gone without a word; TCP alone would wait for a quarter of an hour. */
const silenceMs = 90_000;
/** The most that a timer takes. */
const endlessMs = 2 ** 31 - 1;
/** A server that is there says goodbye long before, and whoever stops has ended its work. */
const goodbyeMs = 2000;
export const keepAlive = { keepAlive: true, keepAliveInitialDelayMillis: 30_000 };

/** PostgreSQL's numbers of types. */
const typeIds = { bigint: 20, text: 25 } as const;

function ourTypes(): TypeOverrides {
  const types = new TypeOverrides();
  // Our numbers are times, offsets and counts, far below 2^53.
  types.setTypeParser(typeIds.bigint, Number);
  types.setTypeParser(typeIds.text, decodeText);
  return types;
}

const usualOptions = `-c statement_timeout=${statementTimeoutMs} -c client_min_messages=warning`;
/** Set here and not by the server's or the role's default: an acknowledgement means "on disk". */
const safeOptions = '-c synchronous_commit=on';

/** `pg` takes the options of the address instead of those beside it, so they are put together; of two the last counts. */
function withOurOptions(url: string): { connectionString: string; options: string } {
  const [address = '', ...rest] = url.split('?');
  const parameters = new URLSearchParams(rest.join('?'));
  const theirs = parameters.getAll('options');
  parameters.delete('options');
  return {
    connectionString: theirs.length === 0 ? url : `${address}?${parameters.toString()}`,
    options: [usualOptions, ...theirs, safeOptions].join(' '),
  };
}

export function createPool(url: string): Pool {
  return new Pool({
    ...withOurOptions(url),
    max: maxConnections,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: silenceMs,
    ...keepAlive,
    application_name: 'corral',
    types: ourTypes(),
  });
}

const ignore = (): void => undefined;

/**
 * Ends connections by `end`; what is still open a moment later is cut, as a server that vanished never says goodbye.
 * An open connection keeps the process for as long.
 */
export async function endConnections(clients: Iterable<Client>, end: () => Promise<void>): Promise<void> {
  setTimeout(() => {
    for (const client of clients) client.connection.stream.destroy();
  }, goodbyeMs).unref();
  await end();
}

/** What `pg` says where nothing came in time. */
const isSilence = (error: unknown): boolean =>
  error instanceof Error && error.message === 'Query read timeout';

/**
 * Kysely over the pool, with text as PostgreSQL can hold it. `patient` is for what has no limit on the server either:
 * then only TCP tells that it is gone.
 */
export function postgresDialect(pool: Pool, { patient = false } = {}): Dialect {
  const clients = new Set<Client>();
  pool.on('connect', (client) => clients.add(client));
  pool.on('remove', (client) => clients.delete(client));
  return new PostgresDialect({
    pool: {
      options: pool.options,
      connect: async () => connectionOf(await pool.connect(), patient),
      end: () => endConnections(clients, () => pool.end()),
    },
  });
}

function connectionOf(client: PoolClient, patient: boolean): Pick<PoolClient, 'query' | 'release'> {
  // A connection that is cut between two queries tells it here; the next query fails with the same.
  client.on('error', ignore);
  const query = async (text: string, parameters: readonly unknown[]): Promise<unknown> => {
    const values = parameters.map((value) => (typeof value === 'string' ? encodeText(value) : value));
    try {
      return await client.query({ text, values, ...(patient ? { query_timeout: endlessMs } : {}) });
    } catch (error) {
      // What it may say after all would be taken for the answer to the next query. The pool makes a new one.
      if (isSilence(error)) (client as Client).end().catch(ignore);
      throw error;
    }
  };
  const release = (): void => {
    client.off('error', ignore);
    client.release();
  };
  return { query, release } as never;
}
