import { AppError } from '../contracts/app-error.ts';

export function notFound(what: 'chat' | 'message' | 'message in this chat' | 'run'): AppError {
  return new AppError('not-found', `there is no such ${what}`);
}

/** `version` is what is there now. */
export function stale(what: 'chat' | 'message', version: number): AppError {
  return new AppError('conflict', `this ${what} was changed meanwhile`, {
    hint: 'Load the chat again and repeat the change.',
    details: { version },
  });
}

/** What was changed since the caller saw it is not written over. */
export function requireVersion(
  what: 'chat' | 'message',
  given: number,
  { version }: { version: number },
): void {
  if (version > given) throw stale(what, version);
}
