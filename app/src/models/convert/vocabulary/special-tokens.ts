import { isJsonObject, type JsonObject } from '../../../formats/json-object.ts';
import type { GgufEntry } from '../../../formats/gguf/gguf-types.ts';
import { ggufEntry } from '../../../formats/gguf/gguf-writer.ts';
import type { TokenTable, VocabularyFiles } from './token-table.ts';

type SpecialKind = 'bos' | 'eos' | 'unk' | 'sep' | 'pad' | 'cls' | 'mask' | 'eot';

/** GGUF's keys; `seperator` is how llama.cpp spells it. */
const keys: Record<SpecialKind, string> = {
  bos: 'bos_token_id',
  eos: 'eos_token_id',
  eot: 'eot_token_id',
  unk: 'unknown_token_id',
  sep: 'seperator_token_id',
  pad: 'padding_token_id',
  cls: 'cls_token_id',
  mask: 'mask_token_id',
};

const control = 3;

/** Rules of which llama.cpp begins every text with a BOS, or llama-bpe's twin, unless the file says otherwise. */
const rulesWithBos: readonly unknown[] = ['llama-bpe', 'smaug-bpe', 'tekken'];

/** These classes of transformers put one there whatever tokenizer.json says. */
const classesWithBos: readonly unknown[] = ['LlamaTokenizer', 'LlamaTokenizerFast'];

/** What a leading and a trailing special token of a TemplateProcessing post-processor are. */
interface Template {
  first?: string;
  last?: string;
}

function templateOf(postProcessor: JsonObject | null): Template {
  if (!postProcessor) return {};
  const inner = postProcessor['processors'];
  const steps = Array.isArray(inner) ? (inner as unknown[]) : [postProcessor];
  const template = steps.find((step) => isJsonObject(step) && step['type'] === 'TemplateProcessing');
  const single = isJsonObject(template) ? template['single'] : undefined;
  if (!Array.isArray(single) || single.length < 2) return {};
  const first = specialOf((single as unknown[])[0]);
  const last = specialOf((single as unknown[]).at(-1));
  return { ...(first === undefined ? {} : { first }), ...(last === undefined ? {} : { last }) };
}

function specialOf(step: unknown): string | undefined {
  const special = isJsonObject(step) ? step['SpecialToken'] : undefined;
  const id = isJsonObject(special) ? special['id'] : undefined;
  return typeof id === 'string' ? id : undefined;
}

/** `<s>` or `{"content": "<s>"}`. */
function tokenText(config: JsonObject, kind: SpecialKind): string | undefined {
  const value = config[`${kind}_token`];
  const text = isJsonObject(value) ? value['content'] : value;
  return typeof text === 'string' && text !== '' ? text : undefined;
}

/** Ids outside the vocabulary (`pad_token_id: -1` of the first LLaMA configs) count as absent. */
function configId(config: JsonObject, kind: SpecialKind, size: number): number | undefined {
  const value = config[`${kind}_token_id`];
  const first: unknown = Array.isArray(value) ? (value as unknown[])[0] : value;
  return Number.isSafeInteger(first) && Number(first) >= 0 && Number(first) < size
    ? Number(first)
    : undefined;
}

class SpecialTokens {
  readonly #files: VocabularyFiles;
  readonly #table: TokenTable;
  readonly #config: JsonObject;
  readonly #rules: string | undefined;
  readonly #texts: Map<SpecialKind, string>;
  readonly #template: Template;

  constructor(files: VocabularyFiles, table: TokenTable, config: JsonObject, rules: string | undefined) {
    this.#files = files;
    this.#table = table;
    this.#config = config;
    this.#rules = rules;
    this.#template = templateOf(files.tokenizer?.postProcessor ?? null);
    this.#texts = this.#readTexts();
  }

  #readTexts(): Map<SpecialKind, string> {
    const texts = new Map<SpecialKind, string>();
    for (const kind of Object.keys(keys) as SpecialKind[]) {
      const text = tokenText(this.#files.tokenizerConfig, kind);
      if (text !== undefined) texts.set(kind, text);
    }
    const { first, last } = this.#template;
    if (first !== undefined && !texts.has('bos')) texts.set('bos', first);
    const eos = texts.get('eos');
    if (last !== undefined && eos !== last) {
      if (eos !== undefined) texts.set('eot', eos);
      texts.set('eos', last);
    }
    return texts;
  }

  #idOf(text: string): number | undefined {
    const added = this.#files.tokenizer?.added.find(({ content }) => content === text);
    if (added) return added.id < this.#table.tokens.length ? added.id : undefined;
    const id = this.#table.tokens.indexOf(text);
    return id >= 0 && this.#table.types[id] !== 1 ? id : undefined;
  }

  /** A SentencePiece vocabulary's own marks: some early LLaMA configs name other ids. */
  #ownMark(kind: SpecialKind): number | undefined {
    const text = { bos: '<s>', eos: '</s>' }[kind as 'bos' | 'eos'];
    if (!this.#table.scores || text === undefined) return undefined;
    const id = this.#table.tokens.indexOf(text);
    return id >= 0 && this.#table.types[id] === control ? id : undefined;
  }

  #id(kind: SpecialKind): number | undefined {
    const text = this.#texts.get(kind);
    const stated = text === undefined ? undefined : this.#idOf(text);
    const size = this.#table.tokens.length;
    const inText = this.#config['text_config'];
    return (
      stated ??
      this.#ownMark(kind) ??
      configId(this.#config, kind, size) ??
      (isJsonObject(inText) ? configId(inText, kind, size) : undefined)
    );
  }

  #adds(kind: 'bos' | 'eos'): boolean | undefined {
    const stated = this.#files.tokenizerConfig[`add_${kind}_token`];
    if (typeof stated === 'boolean') return stated;
    const token = kind === 'bos' ? this.#template.first : this.#template.last;
    if (token !== undefined) return token === this.#texts.get(kind);
    if (kind === 'eos' || !rulesWithBos.includes(this.#rules)) return undefined;
    return classesWithBos.includes(this.#files.tokenizerConfig['tokenizer_class']);
  }

  entries(): [string, GgufEntry][] {
    const ids = (Object.keys(keys) as SpecialKind[]).flatMap((kind): [string, GgufEntry][] => {
      const id = this.#id(kind);
      return id === undefined ? [] : [[`tokenizer.ggml.${keys[kind]}`, ggufEntry.u32(id)]];
    });
    const adds = (['bos', 'eos'] as const).flatMap((kind): [string, GgufEntry][] => {
      const value = this.#adds(kind);
      return value === undefined ? [] : [[`tokenizer.ggml.add_${kind}_token`, ggufEntry.bool(value)]];
    });
    return [...ids, ...adds];
  }
}

/**
 * Ids of the special tokens, and whether the tokenizer puts them around a text by itself. `rules` is llama.cpp's name of
 * how a byte-level tokenizer splits text.
 */
export function specialTokens(
  files: VocabularyFiles,
  table: TokenTable,
  config: JsonObject,
  rules?: string,
): [string, GgufEntry][] {
  return new SpecialTokens(files, table, config, rules).entries();
}
