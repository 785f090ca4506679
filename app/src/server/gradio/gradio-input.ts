import { z } from 'zod';
import { AppError } from '../../contracts/app-error.ts';
import type { PromptMessage } from '../../contracts/messages.ts';
import type { Sampling } from '../../contracts/sampling.ts';
import { maxMessageParts } from '../limits.ts';
import { faultOfIssues } from '../request-fault.ts';
import type { GradioFunction } from './gradio-api.ts';

/** Positional data as Gradio's clients send it. Missing and `null` both mean the default. */

/** A message of a multimodal chat. `continue` lets the unions around it tell this instead of "invalid". */
const multimodalSchema = z.looseObject({ text: z.string() }).transform(({ text, files = [] }, check) => {
  const isWithout = files === null || (Array.isArray(files) && files.length === 0);
  if (!isWithout)
    check.addIssue({ code: 'custom', path: ['files'], message: 'no model here takes files', continue: true });
  return text;
});
const textSchema = z.union([z.string(), multimodalSchema]);
const partsSchema = z
  .array(textSchema)
  .max(maxMessageParts)
  .transform((parts) => parts.join(''));
const contentSchema = z.union([textSchema, partsSchema]);

const messageSchema = z.looseObject({
  role: z.enum(['system', 'user', 'assistant']),
  content: contentSchema,
});
const pairSchema = z.tuple([contentSchema.nullable(), contentSchema.nullable()]);

/** Both forms that Gradio has had: messages, and pairs of question and answer. */
const historySchema = z.union([z.array(messageSchema).max(2_000), z.array(pairSchema).max(1_000)]);

const valuesSchema = z.object({
  message: contentSchema,
  system_message: z.string().max(200_000).nullish(),
  temperature: z.number().min(0).max(5).nullish(),
  top_k: z.number().min(0).max(100_000).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  repetition_penalty: z.number().gt(0).max(5).nullish(),
  max_new_tokens: z.number().min(1).max(1_048_576).nullish(),
  history: historySchema.nullish(),
});

export interface GradioInput {
  message: string;
  systemMessage: string | null;
  sampling: Sampling;
  /** Null: what the session remembers. */
  history: PromptMessage[] | null;
}

function messagesOf(history: z.output<typeof historySchema>): PromptMessage[] {
  return history.flatMap((entry) => {
    if (!Array.isArray(entry)) return [{ role: entry.role, content: entry.content }];
    const [question, answer] = entry;
    const turns: PromptMessage[] = [];
    if (question !== null) turns.push({ role: 'user', content: question });
    if (answer !== null) turns.push({ role: 'assistant', content: answer });
    return turns;
  });
}

/** By name, whatever way they came. */
export function namedValues(it: GradioFunction, data: unknown): Record<string, unknown> {
  if (!Array.isArray(data)) {
    throw new AppError('bad-request', '"data" has to be a list of values', { details: { field: 'data' } });
  }
  return Object.fromEntries(it.parameters.map(({ name }, index) => [name, data[index] ?? null]));
}

export function gradioInput(values: Record<string, unknown>): GradioInput {
  const parsed = valuesSchema.safeParse(values);
  if (!parsed.success) throw faultOfIssues(parsed.error.issues, 'the input');
  const { message, system_message: systemMessage, history, ...rest } = parsed.data;
  const sampling = {
    temperature: rest.temperature,
    topK: rest.top_k === undefined || rest.top_k === null ? null : Math.round(rest.top_k),
    topP: rest.top_p,
    repetitionPenalty: rest.repetition_penalty,
    maxNewTokens:
      rest.max_new_tokens === undefined || rest.max_new_tokens === null
        ? null
        : Math.round(rest.max_new_tokens),
  };
  const given = Object.entries(sampling).filter(([, value]) => value !== undefined && value !== null);
  return {
    message,
    systemMessage: systemMessage ?? null,
    sampling: Object.fromEntries(given),
    history: history ? messagesOf(history) : null,
  };
}
