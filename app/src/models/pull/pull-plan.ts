import { AppError } from '../../contracts/app-error.ts';
import { defaultQuantisation, type Quantisation, quantisations } from '../../contracts/models.ts';
import {
  type AdapterReference,
  formatReference,
  type HubRepository,
  type ModelReference,
  quantisationOf,
} from '../reference.ts';
import type { OpenHubRepository } from '../repository/hub-repository.ts';
import {
  adapterWeights,
  hasFile,
  type Repository,
  type RepositoryFile,
  weightFiles,
} from '../repository/repository.ts';
import { checkBase, findBase } from './adapter-base.ts';
import { chooseGguf, ggufFiles, ggufLabel, partsOf } from './gguf-choice.ts';

/** A finished GGUF file of the Hub is copied; one in parts becomes one file. */
export interface FetchPlan {
  kind: 'fetch';
  id: string;
  aliases: string[];
  repository: OpenHubRepository;
  /** One file, or the parts of one in their order. */
  files: RepositoryFile[];
}

/** Weights go through the converter, with adapters merged on the way. */
export interface ConvertPlan {
  kind: 'convert';
  id: string;
  aliases: string[];
  base: Repository;
  weights: RepositoryFile[];
  adapters: PlannedAdapter[];
  quantisation: Quantisation;
}

export type PullPlan = FetchPlan | ConvertPlan;

export interface PlannedAdapter {
  repository: Repository;
  weights: RepositoryFile;
  weight: number;
  reference: string;
}

export interface PlanContext {
  openHub(repository: HubRepository): Promise<OpenHubRepository>;
  openFolder(path: string): Promise<Repository>;
  /** Takes the place of the base that an adapter names. */
  base?: HubRepository | undefined;
  note(message: string): void;
  signal: AbortSignal;
}

type HubReference = Extract<ModelReference, { kind: 'hub' }>;

/** Decides by a repository's files what pulling a reference means. No weights are read. */
export async function planHubPull(reference: HubReference, context: PlanContext): Promise<PullPlan> {
  const repository = await context.openHub(reference.repository);
  if (reference.file !== undefined) return planFile(reference, repository, reference.file);
  const weights = await weightFiles(repository, context.signal);
  const gguf = ggufFiles(repository.files);
  if (weights.length === 0 && hasFile(repository, 'adapter_config.json')) {
    return planAdapterAlone(reference, repository, context);
  }
  const label = reference.tag?.toLowerCase();
  const isLabel = label !== undefined && gguf.some(({ path }) => ggufLabel(path)?.toLowerCase() === label);
  if (gguf.length > 0 && reference.adapters.length === 0 && (weights.length === 0 || isLabel)) {
    return planLabelled(reference, repository, gguf);
  }
  if (weights.length === 0) throw noWeights(repository, gguf.length > 0);
  return planConversion(reference, { repository, weights }, context);
}

/** A folder or a repository with weights, and what is merged into them. */
export async function planConversion(
  reference: Extract<ModelReference, { kind: 'hub' | 'local' }>,
  base: { repository: Repository; weights: RepositoryFile[] },
  context: PlanContext,
): Promise<ConvertPlan> {
  const quantisation = checkQuantisation(reference.tag);
  const adapters: PlannedAdapter[] = [];
  for (const adapter of reference.adapters) {
    const planned = await planAdapter(adapter, context);
    await checkBase(planned.repository, base.repository, context);
    adapters.push(planned);
  }
  return {
    kind: 'convert',
    ...names({ ...reference, tag: quantisation }, reference),
    base: base.repository,
    weights: base.weights,
    adapters,
    quantisation,
  };
}

function planLabelled(
  reference: HubReference,
  repository: OpenHubRepository,
  gguf: readonly RepositoryFile[],
): FetchPlan {
  const files = chooseGguf(repository.name, gguf, reference.tag);
  const label = ggufLabel(files[0]?.path ?? '');
  const tag = label === undefined ? {} : { tag: quantisationOf(label) ?? label };
  return { kind: 'fetch', ...names({ ...reference, ...tag }, reference), repository, files };
}

function planFile(reference: HubReference, repository: OpenHubRepository, path: string): FetchPlan {
  const files = partsOf(repository.name, repository.files, repository.entry(path));
  const id = formatReference({ ...reference, file: files[0]?.path ?? path });
  const asked = formatReference(reference);
  return { kind: 'fetch', id, aliases: asked === id ? [] : [asked], repository, files };
}

async function planAdapterAlone(
  reference: HubReference,
  repository: OpenHubRepository,
  context: PlanContext,
): Promise<ConvertPlan> {
  const base = context.base ?? { id: await findBase(repository, context.signal) };
  context.note(`${repository.name} is an adapter; it is merged into ${base.id}.`);
  const adapters: AdapterReference[] = [
    { kind: 'hub', repository: reference.repository, weight: 1 },
    ...reference.adapters,
  ];
  const whole: HubReference = { ...reference, repository: base, adapters };
  const opened = await context.openHub(base);
  const weights = await weightFiles(opened, context.signal);
  if (weights.length === 0) throw noWeights(opened, false);
  const plan = await planConversion(whole, { repository: opened, weights }, context);
  return { ...plan, aliases: [formatReference({ ...reference, tag: plan.quantisation })] };
}

async function planAdapter(adapter: AdapterReference, context: PlanContext): Promise<PlannedAdapter> {
  const repository =
    adapter.kind === 'hub'
      ? await context.openHub(adapter.repository)
      : await context.openFolder(adapter.path);
  const weights = adapterWeights(repository);
  if (weights === undefined || !hasFile(repository, 'adapter_config.json')) {
    throw new AppError('model-unsupported', `${repository.name} is not a PEFT adapter.`, {
      hint: 'An adapter has adapter_config.json and adapter_model.safetensors (or .bin).',
    });
  }
  const reference = adapter.kind === 'hub' ? adapter.repository.id : adapter.path;
  return { repository, weights, weight: adapter.weight, reference };
}

/** The id of the result, and the other spelling that leads to it. */
function names(result: ModelReference, asked: ModelReference): { id: string; aliases: string[] } {
  const id = formatReference(result);
  const other = formatReference(asked);
  const isOwn = other === id || ('tag' in asked && asked.tag === undefined);
  return { id, aliases: isOwn ? [] : [other] };
}

function checkQuantisation(tag: string | undefined): Quantisation {
  const quantisation = tag === undefined ? defaultQuantisation : quantisationOf(tag);
  if (quantisation !== undefined) return quantisation;
  throw new AppError('model-reference-invalid', `Weights cannot be converted to ${JSON.stringify(tag)}.`, {
    hint: `Choose one of ${quantisations.join(', ')}.`,
  });
}

function noWeights(repository: Repository, hasGguf: boolean): AppError {
  const found = [...new Set(repository.files.map(({ path }) => /\.[^./]+$/.exec(path)?.[0] ?? path))].sort();
  return new AppError('model-unsupported', `${repository.name} holds no weights that can be used.`, {
    hint: hasGguf
      ? 'Its weights are finished GGUF files, into which no adapter can be merged; name the original repository.'
      : 'Weights are *.safetensors, pytorch_model*.bin or *.gguf; look for a repository that has them.',
    details: { found: found.slice(0, 20) },
  });
}
