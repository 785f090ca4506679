import { toAppError } from './contracts/app-error.ts';

/** The entry point; commands are added by cli/. */
export function main(): number {
  try {
    return 0;
  } catch (error) {
    return toAppError(error).exitCode;
  }
}

process.exitCode = main();
