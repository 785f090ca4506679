import { randomInt } from 'node:crypto';
import { uuidv7 } from 'uuidv7';
import { AppError } from '../../contracts/app-error.ts';
import type { RunPart } from '../../contracts/run-parts.ts';
import type { Sampling } from '../../contracts/sampling.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Completion, CompletionRequest } from '../chats.ts';
import type { EffectiveSettings } from '../settings/resolve-settings.ts';
import { ignoredSampling } from './receipt-of.ts';
import type { RunContext } from './run-context.ts';

/** An answer outside of any chat. The engine is held until the parts end or nobody wants them any more. */
export async function complete(
  context: RunContext,
  call: { owner: string; request: CompletionRequest; settings: EffectiveSettings; signal: AbortSignal },
): Promise<Completion> {
  const { request, settings } = call;
  const signal = AbortSignal.any([call.signal, context.closing]);
  const source = await context.models.resolve(settings.model, signal);
  const lease = await context.engines.acquire(source, {}, signal);
  try {
    const { engine } = lease;
    const description = engine.describe();
    const { totalTokens, exact } = await engine.count(request.prompt, signal);
    // What is only estimated may fit: the engine knows who has the last word.
    if (exact && totalTokens >= description.contextTokens)
      throw new AppError(
        'context-too-long',
        `the prompt has ${totalTokens} tokens, but the model has a context of ${description.contextTokens}`,
        { details: { promptTokens: totalTokens, contextTokens: description.contextTokens } },
      );
    const ignored = ignoredSampling(asked(request), { capabilities: engine.capabilities });
    if (source.kind === 'remote') refuseUnbound(ignored, source.provider);
    const sampling = { ...settings.sampling, seed: settings.sampling.seed ?? randomInt(2 ** 32) };
    return {
      model: description,
      sampling,
      ignoredSampling: ignored,
      promptTokens: totalTokens,
      parts: partsOf(lease, { ...call, sampling, signal }),
    };
  } catch (error) {
    lease.release();
    throw error;
  }
}

/** Settings that say what an answer may be: without one of them it is no other draw, but what was not asked for. */
const binding = {
  grammar: 'grammar',
  jsonSchema: 'JSON schema',
  logitBias: 'bias of single tokens',
  stopTokenIds: 'token ids to stop at',
  ignoreEos: 'wish to go on after the end of an answer',
} as const satisfies Partial<Record<keyof Sampling, string>>;

/** What is asked for: some clients always send a bias without tokens, and that an answer may end. */
function asked({ sampling = {} }: CompletionRequest): object {
  const { logitBias = {}, stopTokenIds = [], ignoreEos = false, ...rest } = sampling;
  return {
    ...rest,
    ...(Object.keys(logitBias).length > 0 ? { logitBias } : {}),
    ...(stopTokenIds.length > 0 ? { stopTokenIds } : {}),
    ...(ignoreEos ? { ignoreEos } : {}),
  };
}

function refuseUnbound(ignored: readonly string[], provider: string): void {
  for (const [name, words] of Object.entries(binding)) {
    if (!ignored.includes(name)) continue;
    throw new AppError('unsupported-field', `${provider} takes no ${words}, and would answer without it`, {
      hint: 'Leave it out, or ask a model that takes it.',
      details: { field: `sampling.${name}` },
    });
  }
}

async function* partsOf(
  lease: { engine: Engine; release: () => void },
  call: { owner: string; request: CompletionRequest; sampling: Sampling; signal: AbortSignal },
): AsyncIterable<RunPart> {
  try {
    yield* lease.engine.generate(
      {
        id: uuidv7(),
        person: call.owner,
        prompt: call.request.prompt,
        sampling: call.sampling,
        ...(call.request.adapters === undefined ? {} : { adapters: call.request.adapters }),
        ...(call.request.priority === undefined ? {} : { priority: call.request.priority }),
      },
      call.signal,
    );
  } finally {
    lease.release();
  }
}
