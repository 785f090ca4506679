import type { PromptMessage } from '../../contracts/messages.ts';
import { AppError } from '../../contracts/app-error.ts';
import type { Prompt } from '../../engine/engine.ts';
import type { OpenAiMessage, TextCompletionRequest } from './openai-requests.ts';
import { refuseField } from './unsupported-fields.ts';

const roles: Record<string, PromptMessage['role']> = {
  system: 'system',
  developer: 'system',
  user: 'user',
  assistant: 'assistant',
};

function contentOf(message: OpenAiMessage, index: number): string {
  const { content } = message;
  if (content === undefined || content === null) {
    if (message.role === 'assistant') return '';
    throw new AppError('bad-request', `"messages.${index}.content" is missing`, {
      details: { field: `messages.${index}.content` },
    });
  }
  if (typeof content === 'string') return content;
  return content
    .map((part, at) => {
      if (part.type !== 'text')
        refuseField(`messages.${index}.content.${at}`, `no model here takes "${part.type}" parts`);
      return part.text ?? '';
    })
    .join('');
}

export function chatPrompt(messages: readonly OpenAiMessage[]): Prompt {
  const translated = messages.map((message, index) => {
    const role = roles[message.role];
    if (role === undefined)
      refuseField(
        `messages.${index}.role`,
        `"${message.role.slice(0, 32)}" is none of ${Object.keys(roles).join(', ')}`,
      );
    if (Array.isArray(message['tool_calls']) && message['tool_calls'].length > 0) {
      refuseField(`messages.${index}.tool_calls`, 'there are no tools here');
    }
    return { role, content: contentOf(message, index) };
  });
  // An answer that is already begun is continued, as llama.cpp's server does.
  const continueAnswer = translated.at(-1)?.role === 'assistant';
  return { kind: 'chat', messages: translated, ...(continueAnswer ? { continueAnswer } : {}) };
}

/** A raw prompt: control tokens in it are meant as such. */
export function textPrompt(prompt: TextCompletionRequest['prompt']): Prompt {
  if (typeof prompt === 'string') return { kind: 'raw', text: prompt, parseSpecial: true };
  const [first] = prompt;
  if (first === undefined) {
    throw new AppError('bad-request', '"prompt" is empty', { details: { field: 'prompt' } });
  }
  if (typeof first === 'number') return { kind: 'tokens', ids: prompt as number[] };
  if (prompt.length > 1) refuseField('prompt', 'one prompt a request, and this has several');
  return typeof first === 'string'
    ? { kind: 'raw', text: first, parseSpecial: true }
    : { kind: 'tokens', ids: first };
}
