import { AppError } from '../../contracts/app-error.ts';

export function invalidBin(name: string, why: string): AppError {
  return new AppError('file-invalid', `${name} is not a sound PyTorch file: ${why}.`, {
    hint: 'Fetch the file again; if it stays like this, the file itself is damaged or hostile.',
  });
}

/** What only a file that wants to run code, or a very unusual one, contains. */
export function unsafeBin(name: string, why: string): AppError {
  return new AppError('file-unsafe', `${name} was refused: ${why}.`, {
    hint: 'Weights need nothing of the kind. Prefer a repository with safetensors.',
  });
}
