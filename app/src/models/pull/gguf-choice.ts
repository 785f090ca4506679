import { AppError } from '../../contracts/app-error.ts';
import { defaultQuantisation } from '../../contracts/models.ts';
import { maximumGgufParts } from '../../formats/gguf/gguf-split.ts';
import type { RepositoryFile } from '../repository/repository.ts';

const labelText = /[.-]((?:UD-)?(?:I?Q|TQ)\d[A-Z0-9_]*|BF16|F16|FP16|F32|MXFP4[A-Z0-9_]*)$/i;
const splitText = /-(\d{5})-of-(\d{5})$/;

/** `Q4_K_M` of `model-Q4_K_M.gguf`; undefined where the name tells none. */
export function ggufLabel(path: string): string | undefined {
  return labelText.exec(stem(path))?.[1];
}

/** Models among the files of a repository: projectors and importance matrices are GGUF files as well. */
export function ggufFiles(files: readonly RepositoryFile[]): RepositoryFile[] {
  return files.filter(({ path }) => /\.gguf$/i.test(path) && !/(?:^|\/)(?:mmproj|imatrix)/i.test(path));
}

/** The file that a label means, in all its parts; without a label the default quantisation, or the only one there is. */
export function chooseGguf(name: string, files: readonly RepositoryFile[], label?: string): RepositoryFile[] {
  const wanted = (label ?? defaultQuantisation).toLowerCase();
  const whole = files.filter(({ path }) => partNumbers(path) === undefined || partNumbers(path)?.part === 1);
  const matching = whole.filter(({ path }) => ggufLabel(path)?.toLowerCase() === wanted);
  const chosen = matching[0] ?? (label === undefined && whole.length === 1 ? whole[0] : undefined);
  if (chosen === undefined || matching.length > 1) throw notDecided(name, whole, { label: wanted, matching });
  return partsOf(name, files, chosen);
}

/** A file with all parts of the model that it is one of, in their order. */
export function partsOf(
  name: string,
  files: readonly RepositoryFile[],
  file: RepositoryFile,
): RepositoryFile[] {
  const numbers = partNumbers(file.path);
  if (numbers === undefined) return [file];
  const { parts } = numbers;
  if (parts < 1 || parts > maximumGgufParts) throw missingPart(name, file.path);
  return Array.from({ length: parts }, (_, index) => {
    const path = partPath(file.path, index + 1);
    const found = files.find((candidate) => candidate.path === path);
    if (found === undefined) throw missingPart(name, path);
    return found;
  });
}

/** 2 and 3 of `model-00002-of-00003.gguf`; undefined for a file that is whole. */
export function partNumbers(path: string): { part: number; parts: number } | undefined {
  const [, part, parts] = splitText.exec(path.replace(/\.gguf$/i, '')) ?? [];
  return part === undefined ? undefined : { part: Number(part), parts: Number(parts) };
}

/** The name of another part of the same model. */
export function partPath(path: string, part: number): string {
  return path.replace(/-\d{5}(-of-\d{5}\.gguf)$/i, `-${String(part).padStart(5, '0')}$1`);
}

function missingPart(name: string, path: string): AppError {
  return new AppError('model-unsupported', `${name} is not complete: there is no ${path}.`, {
    hint: 'A split model is joined from all its parts; choose another quantisation, or pull the original weights.',
  });
}

interface Choice {
  label: string;
  matching: readonly RepositoryFile[];
}

function notDecided(name: string, files: readonly RepositoryFile[], { label, matching }: Choice): AppError {
  const labels = [...new Set(files.map(({ path }) => ggufLabel(path) ?? path))].sort();
  const why = matching.length > 1 ? `several files are labelled ${label}` : `no file is labelled ${label}`;
  return new AppError('model-reference-invalid', `${name} leaves open which file is meant: ${why}.`, {
    hint: `Write ${name}:LABEL with one of ${labels.join(', ')}, or ${name}/FILE.gguf.`,
    details: { labels },
  });
}

function stem(path: string): string {
  return path.replace(/\.gguf$/i, '').replace(splitText, '');
}
