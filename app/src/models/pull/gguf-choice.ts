import { AppError } from '../../contracts/app-error.ts';
import { defaultQuantisation } from '../../contracts/models.ts';
import type { RepositoryFile } from '../repository/repository.ts';

const labelText = /[.-]((?:UD-)?(?:I?Q|TQ)\d[A-Z0-9_]*|BF16|F16|FP16|F32|MXFP4[A-Z0-9_]*)$/i;
const splitText = /-\d{5}-of-\d{5}$/;
const splitFile = /-\d{5}-of-\d{5}\.gguf$/i;

/** `Q4_K_M` of `model-Q4_K_M.gguf`; undefined where the name tells none. */
export function ggufLabel(path: string): string | undefined {
  return labelText.exec(stem(path))?.[1];
}

/** Models among the files of a repository: projectors and importance matrices are GGUF files as well. */
export function ggufFiles(files: readonly RepositoryFile[]): RepositoryFile[] {
  return files.filter(({ path }) => /\.gguf$/i.test(path) && !/(?:^|\/)(?:mmproj|imatrix)/i.test(path));
}

/** The file that a label means; without a label the default quantisation, or the only file there is. */
export function chooseGguf(name: string, files: readonly RepositoryFile[], label?: string): RepositoryFile {
  const wanted = (label ?? defaultQuantisation).toLowerCase();
  const matching = files.filter(({ path }) => ggufLabel(path)?.toLowerCase() === wanted);
  const chosen = matching[0] ?? (label === undefined && files.length === 1 ? files[0] : undefined);
  if (chosen === undefined || matching.length > 1) throw notDecided(name, files, { label: wanted, matching });
  return checkWhole(name, chosen);
}

/** llama.cpp finds the parts of a split file by their names, which content under its hash does not have. */
export function checkWhole(name: string, file: RepositoryFile): RepositoryFile {
  if (!splitFile.test(file.path)) return file;
  throw new AppError(
    'model-unsupported',
    `${file.path} of ${name} is one part of a split file; these are not taken.`,
    {
      hint: 'Choose a quantisation that is one file, or pull the original weights: they are quantised here.',
    },
  );
}

interface Choice {
  label: string;
  matching: readonly RepositoryFile[];
}

function notDecided(name: string, files: readonly RepositoryFile[], { label, matching }: Choice): AppError {
  if (matching.length > 1 && matching.every(({ path }) => splitFile.test(path))) {
    checkWhole(name, matching[0] as RepositoryFile);
  }
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
