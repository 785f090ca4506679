import { flavourOf, type Flavour } from './flavours.ts';
import { apiRoot } from './openai-dialect.ts';
import type { ServiceModel } from './remote-provider.ts';
import type { ServiceClient } from './service-client.ts';
import { invalidAnswer } from './service-errors.ts';
import { isCount, isRecord, sizeIn } from './service-values.ts';
import type { TgiInformation } from './tgi-dialect.ts';

/** What a service says of itself and its models. */
export interface Listing {
  models: readonly ServiceModel[];
  flavour: Flavour;
  /** Of a TGI only. */
  tgi: TgiInformation | null;
}

/** More models than any service has; the rest of a longer list is left out. */
const mostModels = 5000;
const longestName = 400;

export async function readListing(client: ServiceClient, signal?: AbortSignal): Promise<Listing> {
  const { provider } = client;
  const options = signal === undefined ? {} : { signal };
  if (provider.kind === 'tgi') return tgiListing(client, await client.json('/info', options));
  const body = await client.json(`${apiRoot(provider.url)}/models`, options);
  // Together and some proxies answer with the bare list.
  const list = Array.isArray(body) ? body : isRecord(body) ? body['data'] : undefined;
  if (!Array.isArray(list))
    throw invalidAnswer(provider, 'answered with something that is no list of models');
  const models = list.slice(0, mostModels).flatMap(modelOf);
  return { models, flavour: flavourOf(provider, models), tgi: null };
}

/** A model whose name could not be written in a reference is left out. */
function modelOf(entry: unknown): ServiceModel[] {
  if (!isRecord(entry)) return [];
  const { id, owned_by: ownedBy, supported_parameters: parameters } = entry;
  const contextsBehind = contextsBehindOf(entry);
  if (typeof id !== 'string' || id === '' || id.length > longestName || /[\s\p{Cc}]/u.test(id)) return [];
  return [
    {
      id,
      contextTokens: contextIn(entry) ?? smallest([...contextsBehind.values()]),
      ...(contextsBehind.size === 0 ? {} : { contextsBehind }),
      ownedBy: typeof ownedBy === 'string' ? ownedBy : '',
      parameters: Array.isArray(parameters) ? parameters.filter((one) => typeof one === 'string') : null,
    },
  ];
}

/** Each program has its own place for it. */
function contextIn(entry: Record<string, unknown>): number | null {
  const meta = isRecord(entry['meta']) ? entry['meta'] : {};
  const candidates = [
    entry['max_model_len'],
    entry['context_length'],
    entry['max_context_length'],
    meta['n_ctx'],
    meta['n_ctx_train'],
  ];
  return candidates.map(sizeIn).find((size) => size !== null) ?? null;
}

function contextsBehindOf({ providers }: Record<string, unknown>): Map<string, number> {
  const list = Array.isArray(providers) ? providers.filter(isRecord) : [];
  const sizes = list.map(({ provider, context_length: size }) => [String(provider), sizeIn(size)] as const);
  return new Map(sizes.filter((one): one is readonly [string, number] => one[1] !== null));
}

/** Whoever of them answers: the smallest holds. */
function smallest(sizes: number[]): number | null {
  return sizes.length === 0 ? null : Math.min(...sizes);
}

function tgiListing(client: ServiceClient, body: unknown): Listing {
  const { provider } = client;
  if (!isRecord(body) || typeof body['model_id'] !== 'string')
    throw invalidAnswer(provider, 'does not say which model it serves, so it is no TGI');
  const { model_id: model, model_sha: sha, max_total_tokens: total, max_stop_sequences: stops } = body;
  const { version } = body;
  const contextTokens = sizeIn(total);
  // Releases before 2 have the older name.
  const input = body['max_input_tokens'] ?? body['max_input_length'];
  const tgi: TgiInformation = {
    model,
    // A folder has no commit.
    isOfHub: typeof sha === 'string',
    contextTokens,
    mostPromptTokens: sizeIn(input),
    maxStops: isCount(stops) ? stops : 4,
    release: `Text Generation Inference${typeof version === 'string' ? ` ${version.slice(0, 40)}` : ''}`,
  };
  const models = [{ id: model, contextTokens, ownedBy: '', parameters: null }];
  return { models, flavour: flavourOf(provider, []), tgi };
}
