import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { AppError } from '../../../contracts/app-error.ts';
import { encodePrompt, type PromptVocabulary, type SpecialToken } from '../../../prompts/encode-prompt.ts';
import { createPromptComposer, type PromptComposer } from '../../../prompts/prompt-composer.ts';
import { textOf, type PromptSegment } from '../../../prompts/segments.ts';
import { createTemplateRenderer, type TemplateRenderer } from '../../../prompts/template-renderer.ts';
import type { LoadMessage, WirePrompt } from '../protocol.ts';
import type { ResultOf } from '../protocol-results.ts';
import { EncodedPrompts, type ChatPrompt, type EncodedChat } from './encoded-prompts.ts';
import type { Model } from './model.ts';
import { endOfKnown, segmentsAfter, typedText, type Transcript, type TypedText } from './transcript.ts';

export interface ResolvedPrompt {
  ids: number[];
  /** Stop strings of the prompt format. */
  stop: string[];
  /** Where the prompt is a chat: its text, to know it again. */
  text: TypedText | null;
  /** Ids of the same prompt in which the model's own answers are the ids it drew, where they are known. */
  withKeptIds: (earlier: Transcript) => number[] | null;
}

/** Turns what is asked into token ids. */
export class Prompting {
  readonly #model: Model;
  readonly #composer: PromptComposer;
  readonly #renderer: TemplateRenderer;
  readonly #vocabulary: PromptVocabulary;
  readonly #format: string | undefined;
  readonly #encoded = new EncodedPrompts((prompt) => this.#encode(prompt));

  private constructor(
    model: Model,
    parts: { composer: PromptComposer; renderer: TemplateRenderer; vocabulary: PromptVocabulary },
    format: string | undefined,
  ) {
    this.#model = model;
    this.#composer = parts.composer;
    this.#renderer = parts.renderer;
    this.#vocabulary = parts.vocabulary;
    this.#format = format;
  }

  static async create(model: Model, message: LoadMessage): Promise<Prompting> {
    const { vocabulary } = model;
    const renderer = createTemplateRenderer();
    const specialTokens = vocabulary.specialTokens();
    const textOfId = (id: number | null): string =>
      specialTokens.find((token) => token.id === id)?.text ?? '';
    const names = [
      model.metadata('general.basename'),
      model.metadata('general.name'),
      basename(message.model.path),
    ];
    const composer = await createPromptComposer({
      template: message.template ?? model.metadata('tokenizer.chat_template'),
      family: {
        architecture: model.metadata('general.architecture') ?? '',
        names: [...names, ...message.adapters.map((adapter) => adapter.id)].filter((name) => name !== null),
        vocabularySize: vocabulary.size,
      },
      texts: { bos: textOfId(vocabulary.bosId), eos: textOfId(vocabulary.eosId) },
      controlTexts: specialTokens.map((token) => token.text).filter((text) => text !== ''),
      endTexts: vocabulary.endIds.map(textOfId).filter((text) => text !== ''),
      renderer,
      clock: { now: () => Date.now() },
    });
    const promptVocabulary = createPromptVocabulary(model, specialTokens);
    return new Prompting(model, { composer, renderer, vocabulary: promptVocabulary }, message.format);
  }

  get template(): PromptComposer['template'] {
    return this.#composer.template;
  }

  async resolve(prompt: WirePrompt): Promise<ResolvedPrompt> {
    if (prompt.kind !== 'chat') {
      return { ids: this.#plainIds(prompt), stop: [], text: null, withKeptIds: () => null };
    }
    const { segments, stop, ids } = await this.#encoded.of(prompt);
    const text = typedText(segments);
    return {
      ids: this.#notEmpty(ids),
      stop,
      text,
      withKeptIds: (earlier) => {
        const end = endOfKnown(text, earlier);
        return end === null ? null : this.#goOn(segmentsAfter(segments, end), earlier);
      },
    };
  }

  async count(prompt: WirePrompt): Promise<ResultOf<'count'>> {
    if (prompt.kind !== 'chat') {
      const totalTokens = this.#plainIds(prompt).length;
      return { messageTokens: [], overheadTokens: totalTokens, totalTokens, exact: true };
    }
    const { ids, messageTokens, overheadTokens } = await this.#encoded.of(prompt);
    return { messageTokens, overheadTokens, totalTokens: ids.length, exact: true };
  }

  async render(prompt: WirePrompt): Promise<ResultOf<'render'>> {
    if (prompt.kind !== 'chat') {
      const ids = this.#plainIds(prompt);
      const text = prompt.kind === 'raw' ? prompt.text : this.#model.vocabulary.detokenize(ids);
      return { text, tokenIds: ids, idsHash: hashOf(ids), template: this.template };
    }
    const { segments, template, ids } = await this.#encoded.of(prompt);
    return { text: textOf(segments), tokenIds: ids, idsHash: hashOf(ids), template };
  }

  close(): Promise<void> {
    return this.#renderer.close();
  }

  async #encode(prompt: ChatPrompt): Promise<EncodedChat> {
    const chat = { messages: prompt.messages, continueAnswer: prompt.continueAnswer ?? false };
    const composed = await this.#composer.compose(chat, prompt.format ?? this.#format);
    const encoded = encodePrompt(composed.segments, this.#vocabulary, prompt.messages.length);
    return { ...composed, ...encoded };
  }

  #plainIds(prompt: Exclude<WirePrompt, { kind: 'chat' }>): number[] {
    const { vocabulary } = this.#model;
    if (prompt.kind === 'tokens') {
      vocabulary.check(prompt.ids);
      return this.#notEmpty(prompt.ids);
    }
    const addSpecial = prompt.addBos ?? true;
    const ids = vocabulary.tokenize(prompt.text, { addSpecial, parseSpecial: prompt.parseSpecial });
    // Whoever writes a prompt by hand often begins it with the text of the BOS, which is added anyway.
    const isTwice = addSpecial && vocabulary.addsBos && ids[0] === vocabulary.bosId && ids[1] === ids[0];
    return this.#notEmpty(isTwice ? ids.slice(1) : ids);
  }

  #notEmpty(ids: number[]): number[] {
    if (ids.length > 0) return ids;
    const { bosId } = this.#model.vocabulary;
    if (bosId !== null) return [bosId];
    throw new AppError('bad-request', 'The prompt is empty, and this model has no token to begin with.');
  }

  /** The earlier ids, then what came after them: its text goes on where the answer ended. */
  #goOn(rest: readonly PromptSegment[], earlier: Transcript): number[] {
    const restText = textOf(rest);
    let isFirst = true;
    const vocabulary: PromptVocabulary = {
      ...this.#vocabulary,
      addBos: false,
      tokenize: (text) => {
        const goesOn = isFirst && restText.startsWith(text);
        isFirst = false;
        return goesOn ? this.#model.vocabulary.tokenizeContinuation(text) : this.#vocabulary.tokenize(text);
      },
    };
    return [...earlier.ids, ...encodePrompt(rest, vocabulary, 0).ids];
  }
}

function createPromptVocabulary(model: Model, specialTokens: readonly SpecialToken[]): PromptVocabulary {
  const { vocabulary } = model;
  return {
    tokenize: (text) => vocabulary.tokenize(text, { addSpecial: false, parseSpecial: false }),
    tokenBytes: (id) => vocabulary.piece(id).length,
    specialTokens,
    bosId: vocabulary.bosId,
    addBos: vocabulary.addsBos,
  };
}

function hashOf(ids: readonly number[]): string {
  const bytes = Buffer.alloc(ids.length * 4);
  for (const [index, id] of ids.entries()) bytes.writeInt32LE(id, index * 4);
  return createHash('sha256').update(bytes).digest('hex');
}
