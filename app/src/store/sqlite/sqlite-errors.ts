import { AppError } from '../../contracts/app-error.ts';

interface NodeSqliteError extends Error {
  code: 'ERR_SQLITE_ERROR';
  /** SQLite's extended result code. */
  errcode: number;
  errstr: string;
}

/** Primary result codes, the low byte of what SQLite reports. */
export const resultCodes = {
  /** "not an error": what `backup` of node:sqlite says where its target is locked. */
  none: 0,
  busy: 5,
  locked: 6,
  noMemory: 7,
  readOnly: 8,
  inputOutput: 10,
  corrupt: 11,
  full: 13,
  cantOpen: 14,
  tooBig: 18,
  constraint: 19,
  /** A value that cannot be a row's number. */
  mismatch: 20,
  notADatabase: 26,
} as const;

/** SQLITE_IOERR_SHMSIZE: on a full disk the file of the shared memory cannot grow. */
const noRoomForSharedMemory = 4874;

export function primaryResultCode(error: unknown): number | undefined {
  const candidate = error as Partial<NodeSqliteError> | null;
  if (candidate?.code !== 'ERR_SQLITE_ERROR' || typeof candidate.errcode !== 'number') return undefined;
  if (candidate.errcode === noRoomForSharedMemory) return resultCodes.full;
  return candidate.errcode & 0xff;
}

export function isDamage(error: unknown): boolean {
  const code = primaryResultCode(error);
  return code === resultCodes.corrupt || code === resultCodes.notADatabase;
}

const translations: Record<number, (cause: unknown) => AppError> = {
  [resultCodes.full]: (cause) =>
    new AppError('disk-full', 'The disk is full, so this was not saved.', {
      hint: 'Free some space, or delete chats or models; nothing needs to be restarted.',
      cause,
    }),
  [resultCodes.busy]: (cause) =>
    new AppError('store-unavailable', 'Another process keeps the database locked.', {
      hint: 'Close whatever else has corral.db open, then try again.',
      cause,
    }),
  [resultCodes.readOnly]: (cause) =>
    new AppError('home-not-writable', 'The database cannot be written: its file or folder is read-only.', {
      hint: 'Make CORRAL_HOME writable for this user, or name another folder.',
      cause,
    }),
  [resultCodes.cantOpen]: (cause) =>
    new AppError('home-not-writable', 'The database file could not be opened or created.', {
      hint: 'Check that CORRAL_HOME exists and is writable for this user.',
      cause,
    }),
  [resultCodes.inputOutput]: (cause) =>
    new AppError('input-output', 'The disk reported an error, so this may not have been saved.', {
      hint: 'Look at the health of the disk; the database is checked at the next start.',
      cause,
    }),
  [resultCodes.corrupt]: (cause) =>
    new AppError('store-damaged', 'The database file is damaged.', {
      hint: 'Restart: the damaged file is set aside and the newest backup restored.',
      cause,
    }),
  [resultCodes.constraint]: (cause) =>
    new AppError('conflict', 'This contradicts what is stored already.', { cause }),
  [resultCodes.tooBig]: (cause) =>
    new AppError('body-too-large', 'This is larger than the database can hold in one row.', { cause }),
};
translations[resultCodes.none] = translations[resultCodes.busy] as (cause: unknown) => AppError;
translations[resultCodes.locked] = translations[resultCodes.busy] as (cause: unknown) => AppError;
translations[resultCodes.notADatabase] = translations[resultCodes.corrupt] as (cause: unknown) => AppError;

/** What Node's own file calls say, as the SQLite code that means the same. */
const fileErrors: Record<string, number> = {
  ENOSPC: resultCodes.full,
  EDQUOT: resultCodes.full,
  EROFS: resultCodes.readOnly,
  EACCES: resultCodes.readOnly,
  EPERM: resultCodes.readOnly,
  ENOENT: resultCodes.cantOpen,
  EMFILE: resultCodes.cantOpen,
  EIO: resultCodes.inputOutput,
};

function resultCodeOf(error: unknown): number {
  const code = (error as NodeJS.ErrnoException | null)?.code ?? '';
  return primaryResultCode(error) ?? fileErrors[code] ?? -1;
}

/** Whatever SQLite threw, in our terms. Errors that are ours already pass through. */
export function fromSqliteError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const translate = translations[resultCodeOf(error)];
  if (translate) return translate(error);
  const message = error instanceof Error ? error.message : String(error);
  return new AppError('internal', `The database refused: ${message}`, { cause: error });
}
