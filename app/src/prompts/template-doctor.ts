import type { PromptMessage } from '../contracts/messages.ts';
import { AppError } from '../contracts/app-error.ts';
import { knownTemplateName } from './known-templates.ts';
import { textOf, type ChatToRender, type PromptSegment, type SpecialTexts } from './segments.ts';
import type { TemplateFinding } from './template-description.ts';

export interface TemplateToExamine {
  template: string;
  texts: SpecialTexts;
  /** Texts that end a turn: end-of-generation tokens and the format's stop strings. */
  endTexts: readonly string[];
  render(chat: ChatToRender): Promise<PromptSegment[]>;
}

const system: PromptMessage = { role: 'system', content: 'Canned system words.' };
const firstUser: PromptMessage = { role: 'user', content: 'Canned first question.' };
const firstAnswer: PromptMessage = { role: 'assistant', content: 'Canned first answer.' };
const secondUser: PromptMessage = { role: 'user', content: 'Canned second question.' };
const twoTurns = [firstUser, firstAnswer, secondUser];

/** Renders canned turns and says what is wrong with the template. */
export async function examineTemplate(subject: TemplateToExamine): Promise<TemplateFinding[]> {
  const findings: TemplateFinding[] = [];
  if (knownTemplateName(subject.template) === undefined) {
    findings.push({
      code: 'unknown-template',
      message: 'The template is none of those that this release knows; read it before you trust its answers.',
    });
  }
  const turns = await attempt(subject, twoTurns);
  if (turns instanceof AppError) {
    const message = `${turns.message.replace(/\.$/u, '')}; its chats are written in a built-in format instead.`;
    return [...findings, { code: 'render-failed', message }];
  }
  const text = textOf(turns);
  if (subject.texts.bos !== '' && text.startsWith(subject.texts.bos.repeat(2))) {
    findings.push({ code: 'double-bos', message: 'The template writes its first token twice; one is kept.' });
  }
  findings.push(...orderFindings(text), ...endFindings(text, subject.endTexts));
  findings.push(...systemFindings(await attempt(subject, [system, ...twoTurns])));
  return findings;
}

async function attempt(
  subject: TemplateToExamine,
  messages: readonly PromptMessage[],
): Promise<PromptSegment[] | AppError> {
  try {
    return await subject.render({ messages, continueAnswer: false });
  } catch (error) {
    if (error instanceof AppError && error.code === 'template-failed') return error;
    throw error;
  }
}

function orderFindings(text: string): TemplateFinding[] {
  const places = twoTurns.map((message) => text.indexOf(message.content));
  const missing = twoTurns.filter((_, index) => (places[index] ?? -1) < 0).map((message) => message.role);
  if (missing.length > 0) {
    return [{ code: 'role-order', message: `The template leaves out messages of: ${missing.join(', ')}.` }];
  }
  const isSorted = places.every((place, index) => index === 0 || place > (places[index - 1] ?? 0));
  return isSorted ? [] : [{ code: 'role-order', message: 'The template changes the order of messages.' }];
}

function endFindings(text: string, endTexts: readonly string[]): TemplateFinding[] {
  const end = text.indexOf(firstAnswer.content) + firstAnswer.content.length;
  const next = text.indexOf(secondUser.content);
  if (next < end) return [];
  const between = text.slice(end, next);
  if (endTexts.some((ending) => ending !== '' && between.includes(ending))) return [];
  return [
    {
      code: 'missing-end',
      message: 'The template writes no end token after an answer; the model may not stop by itself.',
    },
  ];
}

function systemFindings(rendered: PromptSegment[] | AppError): TemplateFinding[] {
  if (rendered instanceof AppError) {
    return [{ code: 'role-order', message: `The template takes no system message: ${rendered.message}` }];
  }
  if (textOf(rendered).includes(system.content)) return [];
  return [{ code: 'role-order', message: 'The template leaves the system message out.' }];
}
