import type { PromptMessage } from '../contracts/messages.ts';
import type { BuiltInFormat } from './built-in-formats.ts';
import {
  joinSegments,
  splitOpenAnswer,
  type ChatToRender,
  type PromptSegment,
  type SpecialTexts,
} from './segments.ts';

/** Renders a chat in a built-in format; never fails, whatever the order of roles. */
export function renderFormat(
  format: BuiltInFormat,
  chat: ChatToRender,
  texts: SpecialTexts,
): PromptSegment[] {
  const { messages, openAnswer } = splitOpenAnswer(chat);
  const segments: PromptSegment[] = [template(fill(format.start, texts), null)];
  if (format.defaultSystem !== undefined && messages[0]?.role !== 'system') {
    segments.push(template(format.system.replace('{content}', format.defaultSystem), null));
  }
  let pendingSystem: PromptSegment[] = [];
  let isFirstUser = true;
  for (const [index, message] of messages.entries()) {
    if (message.role === 'system' && format.systemInsideUser === true) {
      pendingSystem.push(...fillPattern(fill(format.system, texts), message, index));
      continue;
    }
    const pattern = fill(patternOf(format, message.role, isFirstUser), texts);
    if (message.role === 'user') {
      segments.push(...withSystem(pattern, pendingSystem, { message, index }));
      pendingSystem = [];
      isFirstUser = false;
    } else {
      segments.push(...fillPattern(pattern, message, index));
    }
  }
  // A system message that no user message follows is still said.
  segments.push(...pendingSystem);
  segments.push(template(fill(format.generation, texts), null));
  if (openAnswer !== null) {
    segments.push(...openAnswerSegments(format, openAnswer, messages.length));
  }
  return joinSegments(segments);
}

/** A blank of the pattern between the role's name and the answer is kept: `Assistant: Hello`, not `Assistant:Hello`. */
function openAnswerSegments(format: BuiltInFormat, answer: string, index: number): PromptSegment[] {
  const before = format.assistant.slice(0, format.assistant.indexOf('{content}'));
  const blank = before.startsWith(format.generation) ? before.slice(format.generation.length) : '';
  const needsBlank = answer !== '' && blank !== '' && !answer.startsWith(blank);
  return [
    { text: needsBlank ? blank : '', special: true, message: index },
    { text: answer, special: false, message: index },
  ];
}

function patternOf(format: BuiltInFormat, role: PromptMessage['role'], isFirstUser: boolean): string {
  if (role === 'system') return format.system;
  if (role === 'assistant') return format.assistant;
  if (format.systemInsideUser !== true) return format.user;
  return isFirstUser ? (format.firstUser ?? format.user) : format.user;
}

function withSystem(
  pattern: string,
  system: readonly PromptSegment[],
  said: { message: PromptMessage; index: number },
): PromptSegment[] {
  const marker = '{system}';
  const at = pattern.indexOf(marker);
  if (at < 0) return [...system, ...fillPattern(pattern, said.message, said.index)];
  const owner = system[0]?.message ?? said.index;
  return [
    template(pattern.slice(0, at), owner),
    ...system,
    ...fillPattern(pattern.slice(at + marker.length), said.message, said.index),
  ];
}

function fillPattern(pattern: string, message: PromptMessage, index: number): PromptSegment[] {
  const marker = '{content}';
  const at = pattern.indexOf(marker);
  return [
    template(pattern.slice(0, at), index),
    { text: message.content, special: false, message: index },
    template(pattern.slice(at + marker.length), index),
  ];
}

function template(text: string, message: number | null): PromptSegment {
  return { text, special: true, message };
}

function fill(pattern: string, texts: SpecialTexts): string {
  return pattern.replaceAll('{bos}', texts.bos).replaceAll('{eos}', texts.eos);
}
