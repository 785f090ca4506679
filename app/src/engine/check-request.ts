import { AppError } from '../contracts/app-error.ts';
import { samplingSchema, type Sampling } from '../contracts/sampling.ts';
import type {
  AdapterUse,
  GenerateRequest,
  ModelDescription,
  Prompt,
  ReadRequest,
  ScoreRequest,
} from './engine.ts';

/** What an engine refuses before it spends a thought on it, each by the name of the field. */
export function checkRequest(request: GenerateRequest, model: ModelDescription): void {
  checkSampling(request.sampling, model.vocabularySize);
  checkPrompt(request.prompt, model.vocabularySize);
  checkAdapters(request.adapters ?? [], model);
  if (
    request.drawnTokens !== undefined &&
    !(Number.isInteger(request.drawnTokens) && request.drawnTokens >= 0)
  ) {
    throw outOfRange('drawnTokens', 'must be a whole number of at least 0');
  }
}

/** The same bound as that of `sampling.logprobs`. */
const maxAlternatives = 20;

export function checkScoreRequest(request: ScoreRequest, model: ModelDescription): void {
  const { alternatives = 0, maxTokens = 1 } = request;
  checkReadRequest(request, model);
  if (!Number.isInteger(alternatives) || alternatives < 0 || alternatives > maxAlternatives)
    throw outOfRange('alternatives', `must be a whole number from 0 to ${maxAlternatives}`);
  if (!Number.isInteger(maxTokens) || maxTokens < 1)
    throw outOfRange('maxTokens', 'must be a whole number of at least 1');
}

export function checkReadRequest(request: ReadRequest, model: ModelDescription): void {
  checkPrompt(request.prompt, model.vocabularySize);
  checkAdapters(request.adapters ?? [], model);
}

export function checkSampling(sampling: Sampling, vocabularySize: number): void {
  const parsed = samplingSchema.safeParse(sampling);
  const issue = parsed.error?.issues[0];
  if (issue) {
    const field = ['sampling', ...issue.path].join('.');
    if (issue.code === 'unrecognized_keys') {
      throw new AppError('unknown-field', `There is no setting "${issue.keys.join('", "')}".`, {
        details: { field: `sampling.${issue.keys[0] ?? ''}` },
      });
    }
    throw outOfRange(field, issue.message);
  }
  if (sampling.grammar !== undefined && sampling.jsonSchema !== undefined) {
    throw new AppError('bad-request', 'grammar and jsonSchema exclude each other.', {
      details: { field: 'sampling.grammar' },
    });
  }
  for (const id of Object.keys(sampling.logitBias ?? {})) {
    checkTokenId(Number(id), vocabularySize, 'sampling.logitBias');
  }
  for (const id of sampling.stopTokenIds ?? []) checkTokenId(id, vocabularySize, 'sampling.stopTokenIds');
}

/** Text of a prompt in UTF-16 units: four characters a token at the longest context that is met in practice. */
export const maxPromptCharacters = 8 * 1024 * 1024;

export function checkPrompt(prompt: Prompt, vocabularySize: number): void {
  if (prompt.kind === 'raw' && prompt.text.length > maxPromptCharacters)
    throw new AppError('context-too-long', `The prompt has ${prompt.text.length} characters.`, {
      hint: `No model reads more than ${maxPromptCharacters} at once. Send it in pieces.`,
    });
  if (prompt.kind !== 'tokens') return;
  if (prompt.ids.length === 0) throw outOfRange('prompt.ids', 'is empty');
  for (const id of prompt.ids) checkTokenId(id, vocabularySize, 'prompt.ids');
}

function checkAdapters(uses: readonly AdapterUse[], model: ModelDescription): void {
  for (const use of uses) {
    const known = model.adapters.find((adapter) => adapter.id === use.id);
    if (!known) {
      throw new AppError('not-found', `The model has no adapter "${use.id}".`, {
        details: { field: 'adapters', adapter: use.id },
      });
    }
    if (!known.loaded) {
      const why = known.problem ?? 'its shape is another one';
      throw new AppError(
        'adapter-mismatch',
        `The adapter "${use.id}" cannot be used with this model: ${why}.`,
        {
          hint: 'Answer without it, or fetch the adapter that belongs to this model.',
          details: { field: 'adapters', adapter: use.id },
        },
      );
    }
    if (!Number.isFinite(use.scale) || Math.abs(use.scale) > 16) {
      throw outOfRange('adapters.scale', 'must be a number between -16 and 16');
    }
  }
}

function checkTokenId(id: number, vocabularySize: number, field: string): void {
  if (Number.isInteger(id) && id >= 0 && id < vocabularySize) return;
  throw new AppError('token-out-of-range', `The vocabulary has no token ${id}.`, {
    hint: `Ids go from 0 to ${vocabularySize - 1}.`,
    details: { field, id, vocabularySize },
  });
}

/** A prompt is refused whole, with the figures, never cut. */
export function contextTooLong(promptTokens: number, contextTokens: number, exact = true): AppError {
  return new AppError(
    'context-too-long',
    `The prompt has ${exact ? '' : 'by estimate '}${promptTokens} tokens; a chat of this model may have ${contextTokens}, answer included.`,
    {
      hint: 'Shorten the message, start a new chat, or load the model with a larger context.',
      details: { promptTokens, contextTokens, exact },
    },
  );
}

function outOfRange(field: string, why: string): AppError {
  return new AppError('value-out-of-range', `${field}: ${why}.`, { details: { field } });
}
