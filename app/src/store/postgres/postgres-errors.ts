import { AppError } from '../../contracts/app-error.ts';

interface PostgresError extends Error {
  code: string;
}

function sqlState(error: unknown): string {
  const code = (error as Partial<PostgresError> | null)?.code;
  return typeof code === 'string' ? code : '';
}

/** Two transactions stood in each other's way; the same one works when it is tried again. */
export function isPassing(error: unknown): boolean {
  return ['40001', '40P01', '55P03'].includes(sqlState(error));
}

const unreachable = [
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'ENOTFOUND',
  'ETIMEDOUT',
  'EPIPE',
  'EHOSTUNREACH',
];

/** SQLSTATE or its class → what we say. The first match counts. */
const translations: [RegExp, (cause: unknown) => AppError][] = [
  [
    /^53100$/,
    (cause) =>
      new AppError('disk-full', 'The disk of the PostgreSQL server is full, so this was not saved.', {
        hint: 'Free some space there; nothing needs to be restarted.',
        cause,
      }),
  ],
  [
    /^(ENOSPC|EDQUOT)$/,
    (cause) =>
      new AppError('disk-full', 'The disk of CORRAL_HOME is full, so the backup was not written.', {
        hint: 'Free some space there, then try again.',
        cause,
      }),
  ],
  [
    /^(EROFS|EACCES|EPERM)$/,
    (cause) =>
      new AppError('home-not-writable', 'The backup could not be written to CORRAL_HOME.', {
        hint: 'Make CORRAL_HOME writable for this user, or name another folder.',
        cause,
      }),
  ],
  [/^23/, (cause) => new AppError('conflict', 'This contradicts what is stored already.', { cause })],
  [
    /^(28|3D|42501)/,
    (cause) =>
      new AppError('store-unavailable', 'PostgreSQL refused the account or the database of DATABASE_URL.', {
        hint: 'Check the user, password and database name in DATABASE_URL, and that the user may create tables.',
        cause,
      }),
  ],
  [
    /^(08|53|57)/,
    (cause) =>
      new AppError('store-unavailable', 'PostgreSQL is not available at the moment.', {
        hint: 'Check that the server runs and takes connections.',
        cause,
      }),
  ],
  [
    /^(40|55P03)/,
    (cause) =>
      new AppError('store-unavailable', 'Others wrote the same at that moment, so this was not done.', {
        hint: 'Try again.',
        cause,
      }),
  ],
  [
    /^25006$/,
    (cause) =>
      new AppError(
        'store-unavailable',
        'This PostgreSQL server only reads: it is a standby or set read-only.',
        {
          hint: 'Point DATABASE_URL at the primary server.',
          cause,
        },
      ),
  ],
  [
    /^(58|XX)/,
    (cause) =>
      new AppError('input-output', 'PostgreSQL reported a fault of its disk or its files.', {
        hint: 'Look at the log of the PostgreSQL server.',
        cause,
      }),
  ],
];

/** Whatever `pg` threw, in our terms. Never the query's values: they may be message text. */
export function fromPostgresError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const state = sqlState(error);
  const known = translations.find(([pattern]) => pattern.test(state));
  if (known) return known[1](error);
  const message = error instanceof Error ? error.message : String(error);
  if (unreachable.includes(state) || /timeout|terminated|Connection ended|not queryable/i.test(message))
    return new AppError('store-unavailable', `PostgreSQL cannot be reached: ${message}.`, {
      hint: 'Check DATABASE_URL and that the server runs.',
      cause: error,
    });
  return new AppError('internal', `The database refused: ${message}`, { cause: error });
}
