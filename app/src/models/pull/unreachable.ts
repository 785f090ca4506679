import { AppError } from '../../contracts/app-error.ts';
import type { ErrorCode } from '../../contracts/error-codes.ts';
import { OpenHubRepository } from '../repository/hub-repository.ts';
import type { Repository } from '../repository/repository.ts';

/** What a plan fails with for want of files. */
const missingFiles: ReadonlySet<ErrorCode> = new Set([
  'model-unsupported',
  'file-invalid',
  'hub-not-found',
  'model-reference-invalid',
]);

/** The cache of the Python tools holds what they needed, perhaps a tokenizer alone: what it lacks, the Hub may have. */
export function unreachableInstead(error: unknown, repositories: readonly Repository[]): unknown {
  if (!(error instanceof AppError) || !missingFiles.has(error.code)) return error;
  return whyUnasked(repositories) ?? error;
}

/** The same of a conversion: where all files are there, what it says of them is the answer. */
export function unreachableWhereMissing(error: unknown, repositories: readonly Repository[]): unknown {
  if (!(error instanceof AppError) || error.details?.['missing'] === undefined) return error;
  return whyUnasked(repositories) ?? error;
}

function whyUnasked(repositories: readonly Repository[]): AppError | undefined {
  const fromHub = repositories.filter((repository) => repository instanceof OpenHubRepository);
  return fromHub.find(({ unreachable }) => unreachable !== undefined)?.unreachable;
}
