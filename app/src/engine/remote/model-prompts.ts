import { toAppError } from '../../contracts/app-error.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import {
  createPromptComposer,
  type ComposedPrompt,
  type PromptComposer,
} from '../../prompts/prompt-composer.ts';
import type { PromptSegment } from '../../prompts/segments.ts';
import type { TemplateDescription } from '../../prompts/template-description.ts';
import type { TemplateRenderer } from '../../prompts/template-renderer.ts';
import type { CountResult, Prompt } from '../engine.ts';
import { estimateTokens } from './estimate-tokens.ts';
import { guardedText } from './guarded-text.ts';
import { tokenizerFacts, type TokenizerFacts, type TokenizerFiles } from './tokenizer-files.ts';
import type { TokenizerThread } from './tokenizer-thread.ts';

type ChatPrompt = Extract<Prompt, { kind: 'chat' }>;

/** What is known here of a model elsewhere: its prompt format, and its tokenizer once the Hub gave it. */
export interface ModelPrompts {
  readonly template: TemplateDescription;
  /** True once counts are those of the model's own tokenizer. */
  readonly countsExactly: boolean;
  count(prompt: Prompt): Promise<CountResult>;
  /** The prompt as one text for services that take no messages; they add the beginning-of-sequence token themselves. */
  compose(prompt: ChatPrompt): Promise<{ text: string; stop: readonly string[] }>;
  close(): void;
}

export interface ModelPromptsOptions {
  /** Names the tokenizer among those of the thread. */
  key: string;
  /** As the service calls it; tells the family where the Hub has no template. */
  model: string;
  /** Who turns messages into the prompt: the service by the model's own template, or this program. */
  composedBy: 'service' | 'us';
  files: TokenizerFiles | null;
  thread: TokenizerThread;
  renderer: TemplateRenderer;
  clock: Clock;
  log: Log;
}

/** Texts of the tokens of each family, for models of which no file is at hand. */
const familyTexts: readonly [RegExp, bos: string, eos: string][] = [
  [/llama[-_ ]?3/i, '<|begin_of_text|>', '<|eot_id|>'],
  [/llama|vicuna|alpaca|guanaco|mi[sx]tral/i, '<s>', '</s>'],
  [/gemma/i, '<bos>', '<eos>'],
];

function factsOfFamily(model: string): TokenizerFacts {
  const [, bos = '', eos = ''] = familyTexts.find(([pattern]) => pattern.test(model)) ?? [];
  return { bos, eos, template: null };
}

export async function createModelPrompts(options: ModelPromptsOptions): Promise<ModelPrompts> {
  const { model, files, composedBy } = options;
  const facts = files ? tokenizerFacts(files) : factsOfFamily(model);
  const controlTexts = files ? await loadTokenizer(options, files) : null;
  const composer = await composerOf(options, facts, controlTexts ?? []);
  // A service counts by a template of its own; where we do not know it or cannot render it, ours is another prompt.
  const isKnown = composedBy === 'us' || composer.template.source === 'file';
  const canCount = controlTexts !== null && isKnown;
  return {
    template: composer.template,
    countsExactly: canCount,
    count: async (prompt) => {
      if (!canCount) return estimateTokens(prompt);
      if (prompt.kind === 'tokens') return { ...estimateTokens(prompt), exact: true };
      return countExactly(options, composer, prompt);
    },
    compose: async (prompt) => {
      const { segments, stop } = await composed(composer, prompt);
      const text = guardedText(segments, controlTexts ?? stop);
      const isDoubled = facts.bos !== '' && text.startsWith(facts.bos);
      return { text: isDoubled ? text.slice(facts.bos.length) : text, stop };
    },
    close: () => options.thread.drop(options.key),
  };
}

async function loadTokenizer(options: ModelPromptsOptions, files: TokenizerFiles): Promise<string[] | null> {
  try {
    return await options.thread.load(options.key, files);
  } catch (error) {
    options.log.warn({ model: options.model, error: String(error) }, 'a tokenizer of the Hub cannot be used');
    return null;
  }
}

function composerOf(
  { model, composedBy, renderer, clock }: ModelPromptsOptions,
  facts: TokenizerFacts,
  controlTexts: readonly string[],
): Promise<PromptComposer> {
  return createPromptComposer({
    template: facts.template,
    family: { architecture: '', names: [model], vocabularySize: 0 },
    texts: { bos: facts.bos, eos: facts.eos },
    controlTexts,
    endTexts: facts.eos === '' ? [] : [facts.eos],
    renderer,
    clock,
    isOnlyCounted: composedBy === 'service',
  });
}

function composed(composer: PromptComposer, prompt: ChatPrompt): Promise<ComposedPrompt> {
  const continueAnswer = prompt.continueAnswer === true;
  return composer.compose({ messages: prompt.messages, continueAnswer }, prompt.format);
}

/** An estimate where the template or the tokenizer cannot cope with this one text: no answer fails for want of a count. */
async function countExactly(
  options: ModelPromptsOptions,
  composer: PromptComposer,
  prompt: Exclude<Prompt, { kind: 'tokens' }>,
): Promise<CountResult> {
  const { key, thread, composedBy, model, log } = options;
  const segments = await segmentsOf(options, composer, prompt);
  if (segments === null) return estimateTokens(prompt);
  const isChat = prompt.kind === 'chat';
  const messageCount = isChat ? prompt.messages.length : 0;
  // A template writes the first token itself; a raw text gets it from the service.
  const addBos = !isChat || composedBy === 'us';
  const counts = await thread.count(key, { segments, messageCount, addBos }).catch((error: unknown) => {
    log.warn({ model, error: String(error) }, 'a text was not counted by the tokenizer');
    return null;
  });
  if (counts === null) return estimateTokens(prompt);
  const { messageTokens, overheadTokens } = counts;
  const sum = messageTokens.reduce((total, tokens) => total + tokens, 0);
  return { messageTokens, overheadTokens, totalTokens: sum + overheadTokens, exact: true };
}

/** Null where the template refuses a chat that the service, which writes the prompt, may well take. */
async function segmentsOf(
  { composedBy, model, log }: ModelPromptsOptions,
  composer: PromptComposer,
  prompt: Exclude<Prompt, { kind: 'tokens' }>,
): Promise<PromptSegment[] | null> {
  if (prompt.kind === 'raw') return [{ text: prompt.text, special: prompt.parseSpecial, message: null }];
  try {
    return (await composed(composer, prompt)).segments;
  } catch (error) {
    const { code } = toAppError(error);
    if (composedBy === 'us' || code !== 'template-failed') throw error;
    log.debug({ model, code }, 'a chat was not counted: the template does not render it');
    return null;
  }
}
