import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { uuidv7 } from 'uuidv7';
import { AppError } from '../../contracts/app-error.ts';
import type { CompletionRequest } from '../../chat/chats.ts';
import { collectCompletion, openCompletion, type CompletionCall } from '../completions.ts';
import { ignoredObject } from '../field-names.ts';
import { tokenJsonLimits } from '../json-body.ts';
import { promptLimitBytes } from '../limits.ts';
import { askedModel, contextOf, listModels } from '../model-views.ts';
import { goneSignal, ownerOf } from '../serve-route.ts';
import type { ServerContext } from '../server-context.ts';
import { chatLogprobs, finishReason, textTeller, timingsObject, usageObject } from './openai-answers.ts';
import { embeddings } from './openai-embeddings.ts';
import { chatPrompt, textPrompt } from './openai-prompts.ts';
import {
  chatCompletionSchema,
  embeddingSchema,
  textCompletionSchema,
  type ChatCompletionRequest,
  type CommonRequest,
  type EmbeddingRequest,
  type TextCompletionRequest,
} from './openai-requests.ts';
import { samplingOf } from './openai-sampling.ts';
import { streamCompletion, type StreamShape } from './openai-stream.ts';
import { refuseField, refuseUnsupported } from './unsupported-fields.ts';

interface Asked {
  context: ServerContext;
  request: FastifyRequest;
  reply: FastifyReply;
}

async function callOf(
  { context, request, reply }: Asked,
  body: CommonRequest,
  rest: Pick<CompletionRequest, 'prompt'> & { logprobs: number | undefined },
): Promise<CompletionCall> {
  const signal = goneSignal(reply);
  const model = await askedModel(context, body.model);
  const sampling = samplingOf(body);
  return {
    owner: ownerOf(request),
    dialect: 'openai',
    signal,
    request: {
      ...(model === undefined ? {} : { model }),
      prompt: rest.prompt,
      sampling: rest.logprobs === undefined ? sampling : { ...sampling, logprobs: rest.logprobs },
    },
  };
}

function baseOf(kind: 'chatcmpl' | 'cmpl', object: string, model: { id: string; engineRelease: string }) {
  return {
    id: `${kind}-${uuidv7()}`,
    object,
    created: Math.floor(Date.now() / 1000),
    model: model.id,
    system_fingerprint: model.engineRelease,
  };
}

const flags = (body: CommonRequest) => ({
  includeUsage: body.stream_options?.include_usage === true,
  returnProgress: body.return_progress === true,
});

async function chatCompletion(asked: Asked, body: ChatCompletionRequest): Promise<unknown> {
  refuseUnsupported(body);
  const withLogprobs = body.logprobs === true;
  const logprobs = withLogprobs ? (body.top_logprobs ?? 0) : undefined;
  const call = await callOf(asked, body, { prompt: chatPrompt(body.messages), logprobs });
  if (body.stream === true) {
    const opened = await openCompletion(asked.context, call);
    const shape: StreamShape = {
      ...flags(body),
      sent: body,
      withLogprobs,
      base: baseOf('chatcmpl', 'chat.completion.chunk', opened.model),
      opening: { index: 0, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null },
      choice: (content, tokens) => ({
        index: 0,
        delta: { content },
        logprobs: tokens ? chatLogprobs(tokens) : null,
        finish_reason: null,
      }),
      closing: (finish, stopReason) => ({
        index: 0,
        delta: {},
        logprobs: null,
        finish_reason: finish,
        stop_reason: stopReason,
      }),
    };
    return streamCompletion(asked.request, asked.reply, { opened, shape });
  }
  const done = await collectCompletion(asked.context, call);
  const { model, text, tokens, outcome, promptTokens } = done;
  return {
    ...baseOf('chatcmpl', 'chat.completion', model),
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: text, refusal: null },
        logprobs: withLogprobs ? chatLogprobs(tokens) : null,
        finish_reason: finishReason(outcome.reason),
        stop_reason: outcome.stopString,
      },
    ],
    ...ignoredObject(done.ignoredSampling, body),
    usage: usageObject(outcome.usage, promptTokens),
    timings: timingsObject(outcome.timings, outcome.usage),
  };
}

/** What `echo` puts in front of the answer. */
function echoOf(body: TextCompletionRequest): string {
  if (body.echo !== true) return '';
  if (typeof body.logprobs === 'number') {
    refuseField('echo', 'the log-probabilities of a prompt are not told; leave "logprobs" out');
  }
  const text = Array.isArray(body.prompt) ? body.prompt[0] : body.prompt;
  return typeof text === 'string' ? text : refuseField('echo', 'it needs a prompt that is one text');
}

async function textCompletion(asked: Asked, body: TextCompletionRequest): Promise<unknown> {
  refuseUnsupported(body);
  const echo = echoOf(body);
  const withLogprobs = body.logprobs !== undefined && body.logprobs !== null;
  const logprobs = body.logprobs ?? undefined;
  const call = await callOf(asked, body, { prompt: textPrompt(body.prompt), logprobs });
  if (body.stream === true) {
    const opened = await openCompletion(asked.context, call);
    const told = textTeller();
    const shape: StreamShape = {
      ...flags(body),
      sent: body,
      withLogprobs,
      base: baseOf('cmpl', 'text_completion', opened.model),
      opening: echo === '' ? null : { index: 0, text: echo, logprobs: null, finish_reason: null },
      choice: (text, tokens) => ({
        index: 0,
        text,
        logprobs: tokens ? told(tokens) : null,
        finish_reason: null,
      }),
      closing: (finish, stopReason) => ({
        index: 0,
        text: '',
        logprobs: null,
        finish_reason: finish,
        stop_reason: stopReason,
      }),
    };
    return streamCompletion(asked.request, asked.reply, { opened, shape });
  }
  const done = await collectCompletion(asked.context, call);
  const { model, text, tokens, outcome, promptTokens } = done;
  return {
    ...baseOf('cmpl', 'text_completion', model),
    choices: [
      {
        index: 0,
        text: echo + text,
        logprobs: withLogprobs ? textTeller()(tokens) : null,
        finish_reason: finishReason(outcome.reason),
        stop_reason: outcome.stopString,
      },
    ],
    ...ignoredObject(done.ignoredSampling, body),
    usage: usageObject(outcome.usage, promptTokens),
    timings: timingsObject(outcome.timings, outcome.usage),
  };
}

async function modelObjects(context: ServerContext): Promise<{ id: string }[]> {
  const models = await listModels(context);
  return models.map(({ id, provider, record, state }) => ({
    id,
    object: 'model',
    created: Math.floor((record?.addedAt ?? 0) / 1000),
    owned_by: provider ?? 'corral',
    meta: record && {
      n_ctx: contextOf(record, context.config),
      n_ctx_train: record.trainedContextTokens,
      n_params: record.parameters,
      size: record.sizeBytes,
      quantisation: record.quantisation,
    },
    status: { value: state },
  }));
}

export function registerOpenAi(app: FastifyInstance, context: ServerContext): void {
  const options = (summary: string, body: object) => ({
    bodyLimit: promptLimitBytes,
    schema: { summary, tags: ['openai'], body },
  });
  const tokens = { config: { jsonLimits: tokenJsonLimits } };
  app.post('/v1/chat/completions', {
    ...options('OpenAI: an answer to messages', chatCompletionSchema),
    handler: (request, reply) =>
      chatCompletion({ context, request, reply }, request.body as ChatCompletionRequest),
  });
  app.post('/v1/completions', {
    ...options('OpenAI: a raw prompt continued', textCompletionSchema),
    ...tokens,
    handler: (request, reply) =>
      textCompletion({ context, request, reply }, request.body as TextCompletionRequest),
  });
  app.post('/v1/embeddings', {
    ...options('OpenAI: directions of texts', embeddingSchema),
    ...tokens,
    handler: (request, reply) => {
      const body = request.body as EmbeddingRequest;
      return embeddings(context, { owner: ownerOf(request), body, signal: goneSignal(reply) });
    },
  });
  app.get('/v1/models', { schema: { summary: 'OpenAI: models', tags: ['openai'] } }, async () => ({
    object: 'list',
    data: await modelObjects(context),
  }));
  app.get('/v1/models/*', { schema: { summary: 'OpenAI: one model', tags: ['openai'] } }, async (request) => {
    const id = (request.params as { '*': string })['*'];
    const models = await modelObjects(context);
    const found = models.find((model) => model.id === id);
    if (found) return found;
    throw new AppError('model-unknown', `there is no model "${id.slice(0, 200)}" here`, {
      hint: `There are: ${models
        .map((model) => model.id)
        .join(', ')
        .slice(0, 2000)}`,
      details: { field: 'model' },
    });
  });
}
