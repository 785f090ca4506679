/** Does the work when all that was given before is done, whether or not it failed. */
export type TakeTurn = <Result>(work: () => Promise<Result>) => Promise<Result>;

/**
 * Backups, restoring and erasing from files follow each other. A backup that is being written while something is erased
 * would keep it, and so would the database's own files, which hold what the backup still reads.
 */
export function createFileTurns(): TakeTurn {
  let last: Promise<unknown> = Promise.resolve();
  return <Result>(work: () => Promise<Result>): Promise<Result> => {
    const result = last.then(work);
    last = result.catch(() => undefined);
    return result;
  };
}
