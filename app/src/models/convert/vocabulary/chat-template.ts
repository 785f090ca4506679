import { AppError } from '../../../contracts/app-error.ts';
import { isJsonObject, parseJsonObject, type JsonObject } from '../../../formats/json-object.ts';
import type { GgufEntry } from '../../../formats/gguf/gguf-types.ts';
import { ggufEntry } from '../../../formats/gguf/gguf-writer.ts';
import type { PlanOptions, RepositoryFiles } from '../convert-types.ts';
import { familyTemplate } from './family-templates.ts';

/** The longest template in use has 100 kB. */
const maximumTemplateBytes = 1024 * 1024;

interface NamedTemplate {
  name: string;
  template: string;
}

function fromField(value: unknown): NamedTemplate[] {
  if (typeof value === 'string') return [{ name: 'default', template: value }];
  if (!Array.isArray(value)) return [];
  return (value as unknown[]).flatMap((item) => {
    const name = isJsonObject(item) ? item['name'] : undefined;
    const template = isJsonObject(item) ? item['template'] : undefined;
    return typeof name === 'string' && typeof template === 'string' ? [{ name, template }] : [];
  });
}

async function object(files: RepositoryFiles, name: string, signal?: AbortSignal): Promise<JsonObject> {
  const bytes = await files.bytes(name, signal);
  return bytes ? parseJsonObject(name, bytes, 16 * 1024 * 1024) : {};
}

async function templatesOf(files: RepositoryFiles, signal?: AbortSignal): Promise<NamedTemplate[]> {
  const config = await object(files, 'tokenizer_config.json', signal);
  const inConfig = fromField(config['chat_template']);
  if (inConfig.length > 0) return inConfig;
  const jinja = await files.bytes('chat_template.jinja', signal);
  if (jinja) return [{ name: 'default', template: Buffer.from(jinja).toString('utf8') }];
  const json = await object(files, 'chat_template.json', signal);
  return fromField(json['chat_template']);
}

function toEntries(templates: readonly NamedTemplate[]): [string, GgufEntry][] {
  const { string, array } = ggufEntry;
  const standard = templates.find(({ name }) => name === 'default') ?? templates[0];
  if (!standard) return [];
  const named = templates.filter(({ name }) => name !== 'default' && /^[\w-]{1,40}$/.test(name));
  return [
    ['tokenizer.chat_template', string(standard.template)],
    ...(named.length === 0
      ? []
      : ([
          [
            'tokenizer.chat_templates',
            array(
              'string',
              named.map(({ name }) => name),
            ),
          ],
          ...named.map(({ name, template }) => [`tokenizer.chat_template.${name}`, string(template)]),
        ] as [string, GgufEntry][])),
  ];
}

/**
 * The template that goes into the file: the one asked for, the last adapter's, the base's, or the known one of a family
 * whose repositories carry none.
 */
export async function chatTemplateEntries(
  options: PlanOptions,
): Promise<{ entries: [string, GgufEntry][]; notes: string[] }> {
  const { base, adapters, signal } = options;
  if (options.chatTemplate !== undefined)
    return { entries: toEntries([{ name: 'default', template: options.chatTemplate }]), notes: [] };
  const sources = [...adapters.map(({ files }) => files).toReversed(), base];
  const known = familyTemplate(sources.map(({ name }) => name));
  for (const files of sources) {
    const templates = await templatesOf(files, signal);
    if (templates.some(({ template }) => template.length > maximumTemplateBytes))
      throw new AppError('file-invalid', `The chat template of ${files.name} is very long.`);
    if (templates.length > 0) return { entries: toEntries(templates), notes: [] };
    // An adapter that was trained with a prompt of its own is not used with its base's.
    if (known?.repository === files.name) break;
  }
  if (!known)
    return { entries: [], notes: ['The repository has no chat template; its family decides the format.'] };
  return {
    entries: toEntries([{ name: 'default', template: known.template }]),
    notes: [`The repository has no chat template; that of ${known.family} was written in.`],
  };
}
