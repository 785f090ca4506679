/** What the Hub has of a model's tokenizer. */
export interface TokenizerFiles {
  /** `tokenizer.json`, as text. */
  tokenizer: string;
  /** `tokenizer_config.json`, as text; `{}` where there is none. */
  config: string;
  /** `chat_template.jinja`, where it is a file of its own. */
  template: string | null;
}

/** Resolves null where the Hub has none, or may not or cannot be asked. Never rejects. */
export type FindTokenizer = (repository: string, signal: AbortSignal) => Promise<TokenizerFiles | null>;

export interface TokenizerFacts {
  bos: string;
  eos: string;
  /** `chat_template`; null: the model has none. */
  template: string | null;
}

/** The parts of `tokenizer_config.json` that prompts need; anything unexpected is as good as absent. */
export function tokenizerFacts(files: TokenizerFiles): TokenizerFacts {
  const config = parseObject(files.config);
  return {
    bos: tokenText(config['bos_token']),
    eos: tokenText(config['eos_token']),
    template: files.template ?? templateIn(config['chat_template']),
  };
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function tokenText(value: unknown): string {
  if (typeof value === 'string') return value;
  const content =
    typeof value === 'object' && value !== null && 'content' in value ? value.content : undefined;
  return typeof content === 'string' ? content : '';
}

/** One template, or a list of named ones of which `default` is meant. */
function templateIn(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return null;
  const named = value as { name?: unknown; template?: unknown }[];
  const chosen = named.find((one) => one?.name === 'default')?.template;
  return typeof chosen === 'string' ? chosen : null;
}
