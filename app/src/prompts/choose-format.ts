import { builtInFormats, findBuiltInFormat, type BuiltInFormat } from './built-in-formats.ts';

/** What is known of a model when a format has to be chosen for it. */
export interface ModelFamily {
  /** `general.architecture`. */
  architecture: string;
  /** Everything that names it: `general.name`, base name, file name, adapters. */
  names: readonly string[];
  vocabularySize: number;
}

const namedFamilies: readonly [pattern: RegExp, format: string][] = [
  [/guanaco/u, 'guanaco'],
  [/vicuna/u, 'vicuna'],
  [/alpaca/u, 'alpaca'],
  [/llama[-_ ]?3/u, 'llama-3'],
  [/(llama[-_ ]?2.*chat|codellama.*instruct|mi[sx]tral.*instruct)/u, 'llama-2'],
  [/falcon/u, 'falcon'],
  [/gemma/u, 'gemma'],
  [/phi[-_ ]?3/u, 'phi-3'],
  [/(qwen|hermes|dolphin|chatml|smollm|yi-.*chat)/u, 'chatml'],
];

const architectures: Readonly<Record<string, string>> = {
  falcon: 'falcon',
  gemma: 'gemma',
  gemma2: 'gemma',
  gemma3: 'gemma',
  phi3: 'phi-3',
  qwen2: 'chatml',
  qwen3: 'chatml',
};

const llama3Vocabulary = 128_256;

/** The format of a model whose file carries none. Later names (adapters) win over the base model's. */
export function formatOfFamily(family: ModelFamily): BuiltInFormat {
  const names = family.names.map((name) => name.toLowerCase()).toReversed();
  for (const name of names) {
    const named = namedFamilies.find(([pattern]) => pattern.test(name));
    const format = named && findBuiltInFormat(named[1]);
    if (format) return format;
  }
  if (family.architecture === 'llama' && family.vocabularySize === llama3Vocabulary) {
    return requireFormat('llama-3');
  }
  return requireFormat(architectures[family.architecture] ?? 'transcript');
}

/** Texts that would start a new turn in the formats that a template resembles. */
export function stopStringsOfTemplate(template: string): string[] {
  const stops = new Set<string>();
  for (const format of builtInFormats) {
    for (const stop of format.stop) {
      // Plain words such as `USER:` end up in templates for other reasons; markers do not.
      if (/^(<.*>|\[.*\]|### )/u.test(stop) && template.includes(stop)) stops.add(stop);
    }
  }
  return [...stops];
}

function requireFormat(name: string): BuiltInFormat {
  const format = findBuiltInFormat(name);
  if (!format) throw new TypeError(`no built-in format is named ${name}`);
  return format;
}
