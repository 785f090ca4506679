import type { GgufEntry } from '../../formats/gguf/gguf-types.ts';
import { ggufEntry } from '../../formats/gguf/gguf-writer.ts';
import type { PlanOptions, RepositoryFiles } from './convert-types.ts';
import { fileTypes } from './tensor-types.ts';

function shortName(files: RepositoryFiles): string {
  return files.name.split('/').at(-1) ?? files.name;
}

/** 1.1B, 135M: how sizes are written in names. */
function sizeLabel(parameters: number): string {
  const [divisor, unit] = parameters >= 1e9 ? [1e9, 'B'] : parameters >= 1e6 ? [1e6, 'M'] : [1e3, 'K'];
  const value = parameters / divisor;
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)}${unit}`;
}

/** `general.*`: what the file is and where it came from, adapters included. */
export function generalEntries(
  options: PlanOptions,
  architecture: string,
  parameters: number,
): [string, GgufEntry][] {
  const { string, u32 } = ggufEntry;
  const sources = [options.base, ...options.adapters.map(({ files }) => files)];
  const provenance = sources.flatMap((files, index): [string, GgufEntry][] => [
    [`general.base_model.${index}.name`, string(shortName(files))],
    ...(files.name.includes('/')
      ? [
          [`general.base_model.${index}.repo_url`, string(`https://huggingface.co/${files.name}`)] as [
            string,
            GgufEntry,
          ],
        ]
      : []),
    ...(files.commit === undefined
      ? []
      : [[`general.base_model.${index}.version`, string(files.commit)] as [string, GgufEntry]]),
  ]);
  return [
    ['general.architecture', string(architecture)],
    ['general.type', string('model')],
    ['general.name', string(options.modelName ?? sources.map(shortName).join('+'))],
    ['general.size_label', string(sizeLabel(parameters))],
    ...(options.base.licence === undefined
      ? []
      : [['general.license', string(options.base.licence)] as [string, GgufEntry]]),
    ['general.base_model.count', u32(sources.length)],
    ...provenance,
    ['general.file_type', u32(fileTypes[options.quantisation])],
    ['general.quantization_version', u32(2)],
  ];
}
