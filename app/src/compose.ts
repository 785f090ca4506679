import type { Corral } from './cli/command.ts';
import { AppError } from './contracts/app-error.ts';

/** The composition root: the only place that names adapters. */
export function createCorral(version: string): Corral {
  const missing = (): never => {
    throw new AppError('internal', `this build of Corral ${version} has no server yet`);
  };
  return {
    connect: missing,
    serve: missing,
    async *examine() {},
  };
}
