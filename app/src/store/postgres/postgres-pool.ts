import { type Dialect, PostgresDialect } from 'kysely';
import { Pool, TypeOverrides } from 'pg';
import { decodeText, encodeText } from '../text-codec.ts';

const maxConnections = 10;
const connectTimeoutMs = 10_000;
/** No call of ours takes as long; what does is stuck. */
const statementTimeoutMs = 60_000;

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
    connectionString: theirs.length === 0 ? url : `${address}?${parameters}`,
    options: [usualOptions, ...theirs, safeOptions].join(' '),
  };
}

export function createPool(url: string): Pool {
  return new Pool({
    ...withOurOptions(url),
    max: maxConnections,
    connectionTimeoutMillis: connectTimeoutMs,
    application_name: 'corral',
    types: ourTypes(),
  });
}

const ignore = (): void => undefined;

/** Kysely over the pool, with text as PostgreSQL can hold it. */
export function postgresDialect(pool: Pool): Dialect {
  return new PostgresDialect({
    pool: {
      options: pool.options,
      async connect() {
        const client = await pool.connect();
        // A connection that is cut between two queries tells it here; the next query fails with the same.
        client.on('error', ignore);
        return {
          query: (sql: string, parameters: readonly unknown[]) =>
            client.query(
              sql,
              parameters.map((value) => (typeof value === 'string' ? encodeText(value) : value)),
            ),
          release: () => {
            client.off('error', ignore);
            client.release();
          },
        } as never;
      },
      end: () => pool.end(),
    },
  });
}
