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
