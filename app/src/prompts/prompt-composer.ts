import { createHash } from 'node:crypto';
import { AppError } from '../contracts/app-error.ts';
import { builtInFormats, findBuiltInFormat, type BuiltInFormat } from './built-in-formats.ts';
import { formatOfFamily, stopStringsOfTemplate, type ModelFamily } from './choose-format.ts';
import { renderFormat } from './render-format.ts';
import type { ChatToRender, PromptSegment, SpecialTexts } from './segments.ts';
import { renderWithSystem } from './system-messages.ts';
import type { TemplateDescription } from './template-description.ts';
import { examineTemplate } from './template-doctor.ts';
import type { TemplateRenderer } from './template-renderer.ts';

export interface ComposerOptions {
  /** `tokenizer.chat_template` of the file. */
  template: string | null;
  family: ModelFamily;
  texts: SpecialTexts;
  /** Texts of control tokens, and of those that end an answer. */
  controlTexts: readonly string[];
  endTexts: readonly string[];
  renderer: TemplateRenderer;
  clock: { now(): number };
  /** The prompt is written elsewhere, by the template as it is: what that leaves out is not read, and not counted. */
  isOnlyCounted?: boolean;
}

export interface ComposedPrompt {
  segments: PromptSegment[];
  template: TemplateDescription;
  /** Texts at which the answer ends besides the vocabulary's own end tokens. */
  stop: string[];
}

/** Turns chats into prompts in a model's format. One per loaded model. */
export interface PromptComposer {
  /** What is used where nobody chose a format. */
  readonly template: TemplateDescription;
  /** `format` is the name of a built-in format, or `file`; absent: the model's own. */
  compose(chat: ChatToRender, format?: string): Promise<ComposedPrompt>;
}

/** Examines the model's template once; a template that cannot render gives way to its family's format. */
export async function createPromptComposer(options: ComposerOptions): Promise<PromptComposer> {
  const { template: text } = options;
  const family = formatOfFamily(options.family);
  const ofFamily = describeFormat(family, 'family');
  const ofFile = text === null ? null : await describeTemplate(text, options);
  const isUsable = ofFile !== null && !ofFile.findings.some((finding) => finding.code === 'render-failed');
  const own = isUsable ? ofFile : { ...ofFamily, findings: ofFile?.findings ?? [] };

  const inFormat = (
    format: BuiltInFormat,
    chat: ChatToRender,
    template: TemplateDescription,
  ): ComposedPrompt => ({
    segments: renderFormat(format, chat, options.texts),
    template,
    stop: [...format.stop],
  });

  async function fromFile(chat: ChatToRender): Promise<ComposedPrompt> {
    if (text === null || ofFile === null) {
      throw new AppError('bad-request', 'This model has no chat template of its own.');
    }
    const { texts, controlTexts, renderer, clock } = options;
    const nowMs = clock.now();
    const render = (said: ChatToRender): Promise<PromptSegment[]> =>
      renderer.render({ template: text, chat: said, texts, controlTexts, nowMs });
    const segments = await (options.isOnlyCounted ? render(chat) : renderWithSystem(render, chat));
    return { segments, template: ofFile, stop: stopStringsOfTemplate(text) };
  }

  return {
    template: own,
    compose: async (chat, format) => {
      if (format === 'file' || (format === undefined && isUsable)) return fromFile(chat);
      if (format === undefined) return inFormat(family, chat, own);
      const chosen = requireFormat(format);
      return inFormat(chosen, chat, describeFormat(chosen, 'chosen'));
    },
  };
}

function requireFormat(name: string): BuiltInFormat {
  const format = findBuiltInFormat(name);
  if (format) return format;
  const names = ['file', ...builtInFormats.map((known) => known.name)].join(', ');
  throw new AppError('bad-request', `There is no prompt format "${name}".`, { hint: `There are: ${names}.` });
}

function describeFormat(format: BuiltInFormat, source: 'family' | 'chosen'): TemplateDescription {
  return { source, name: format.name, hash: hashOf(JSON.stringify(format)), findings: [] };
}

async function describeTemplate(template: string, options: ComposerOptions): Promise<TemplateDescription> {
  const { texts, controlTexts, endTexts, renderer, clock } = options;
  const findings = await examineTemplate({
    template,
    texts,
    endTexts: [...endTexts, texts.eos, ...stopStringsOfTemplate(template)],
    render: (chat) => renderer.render({ template, chat, texts, controlTexts, nowMs: clock.now() }),
  });
  return { source: 'file', name: 'file', hash: hashOf(template), findings };
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
