import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../../contracts/app-error.ts';
import { collectCompletion, openCompletion, whileOpen, type CompletionCall } from '../completions.ts';
import { ignoredObject } from '../field-names.ts';
import { promptLimitBytes } from '../limits.ts';
import { askedModel, contextOf, listedId } from '../model-views.ts';
import { goneSignal, ownerOf } from '../serve-route.ts';
import type { ServerContext } from '../server-context.ts';
import { placedTokens, type PlacedToken } from './placed-tokens.ts';
import { tgiDetails, type PrefillToken } from './tgi-answers.ts';
import { tgiRequestSchema, tokenizeSchema, type TgiRequest, type TokenizeRequest } from './tgi-requests.ts';
import { maxStopSequences, tgiSampling } from './tgi-sampling.ts';
import { streamTgi } from './tgi-stream.ts';

interface Asked {
  context: ServerContext;
  request: FastifyRequest;
  reply: FastifyReply;
}

function headersOf(body: TgiRequest): Record<string, string> {
  return { 'x-compute-type': 'local', 'x-compute-characters': String(body.inputs.length) };
}

async function callOf(
  { context, request, reply }: Asked,
  body: TgiRequest,
  isStream: boolean,
): Promise<CompletionCall> {
  if (body.inputs === '') throw new AppError('bad-request', '`inputs` cannot be empty');
  const signal = goneSignal(reply);
  const model = await askedModel(context, body.model);
  return {
    owner: ownerOf(request),
    dialect: 'tgi',
    signal,
    request: {
      ...(model === undefined ? {} : { model }),
      prompt: { kind: 'raw', text: body.inputs, parseSpecial: true },
      sampling: tgiSampling(body.parameters ?? {}, isStream),
    },
  };
}

/** Each token of a text with where it lies in it. */
async function tokensOf(
  { engines }: ServerContext,
  { model, text, addSpecial }: { model: string; text: string; addSpecial: boolean },
  signal: AbortSignal,
): Promise<PlacedToken[]> {
  const { engine, release } = await engines.use(model, {}, signal);
  try {
    return await placedTokens(engine, text, addSpecial);
  } finally {
    release();
  }
}

async function prefillOf(
  { context }: Asked,
  { inputs, parameters }: TgiRequest,
  { model, signal }: { model: string; signal: AbortSignal },
): Promise<PrefillToken[]> {
  if (parameters?.decoder_input_details !== true) return [];
  const asked = { model, text: inputs, addSpecial: true };
  const tokens = await whileOpen(context, signal, (either) => tokensOf(context, asked, either));
  return tokens.map(({ id, text }) => ({ id, text, logprob: null }));
}

async function generate(asked: Asked, body: TgiRequest): Promise<object> {
  const call = await callOf(asked, body, false);
  const done = await collectCompletion(asked.context, call);
  const { details, decoder_input_details: withPrefill, return_full_text: isFull } = body.parameters ?? {};
  const withTopTokens = (body.parameters?.top_n_tokens ?? 0) > 0;
  const prefill = await prefillOf(asked, body, { model: done.model.id, signal: call.signal });
  void asked.reply.headers({
    ...headersOf(body),
    'x-generated-tokens': String(done.outcome.usage?.completionTokens ?? 0),
  });
  return {
    generated_text: (isFull === true ? body.inputs : '') + done.text,
    ...ignoredObject(done.ignoredSampling, body.parameters ?? {}),
    ...(details === true || withPrefill === true
      ? { details: tgiDetails(done, { prefill, withTopTokens }) }
      : {}),
  };
}

async function generateStream(asked: Asked, body: TgiRequest): Promise<void> {
  const opened = await openCompletion(asked.context, await callOf(asked, body, true));
  const options = {
    prefix: body.parameters?.return_full_text === true ? body.inputs : '',
    withTopTokens: (body.parameters?.top_n_tokens ?? 0) > 0,
    headers: headersOf(body),
    sent: body.parameters ?? {},
  };
  await streamTgi(asked.request, asked.reply, { opened, options });
}

async function tokenize({ context, reply }: Asked, body: TokenizeRequest): Promise<object> {
  const gone = goneSignal(reply);
  const model = (await askedModel(context, body.model)) ?? context.config.model;
  const asked = { model, text: body.inputs, addSpecial: body.add_special_tokens !== false };
  return whileOpen(context, gone, (signal) => tokensOf(context, asked, signal));
}

async function information(context: ServerContext): Promise<object> {
  const { models, config, version, engines } = context;
  const id = await listedId(context, config.model);
  const loaded = engines.loaded().find((known) => known.id === id)?.description;
  const record = (await models.list()).find((known) => known.id === id);
  const total = loaded?.contextTokens ?? contextOf(record, config);
  return {
    model_id: config.model,
    model_sha: record?.sha256 ?? null,
    model_pipeline_tag: 'text-generation',
    max_concurrent_requests: config.slots,
    max_best_of: 1,
    max_stop_sequences: maxStopSequences,
    max_input_tokens: total - 1,
    max_total_tokens: total,
    validation_workers: 1,
    max_client_batch_size: 1,
    router: 'corral',
    version,
    sha: null,
    docker_label: null,
  };
}

export function registerTgi(app: FastifyInstance, context: ServerContext): void {
  const options = (summary: string, body: object) => ({
    bodyLimit: promptLimitBytes,
    schema: { summary, tags: ['tgi'], body },
  });
  const bodyOf = (request: FastifyRequest) => request.body as TgiRequest;
  app.post('/generate', {
    ...options('TGI: a prompt continued', tgiRequestSchema),
    handler: (request, reply) => generate({ context, request, reply }, bodyOf(request)),
  });
  app.post('/generate_stream', {
    ...options('TGI: a prompt continued, token by token', tgiRequestSchema),
    handler: (request, reply) => generateStream({ context, request, reply }, bodyOf(request)),
  });
  app.post('/', {
    ...options('TGI: either of the two, as `stream` says', tgiRequestSchema),
    handler: async (request, reply) => {
      const body = bodyOf(request);
      const asked = { context, request, reply };
      return body.stream === true ? generateStream(asked, body) : [await generate(asked, body)];
    },
  });
  app.post('/tokenize', {
    ...options('TGI: the tokens of a text', tokenizeSchema),
    handler: (request, reply) => tokenize({ context, request, reply }, request.body as TokenizeRequest),
  });
  app.get('/info', { schema: { summary: 'TGI: the model', tags: ['tgi'] } }, () => information(context));
  for (const path of ['/health', '/ping']) {
    app.get(
      path,
      { schema: { summary: 'TGI: alive', tags: ['tgi'] }, config: { access: 'public' } },
      (_request, reply) => reply.code(200).send(),
    );
  }
}
