import { mkdir } from 'node:fs/promises';
import { AppError } from '../../contracts/app-error.ts';
import type { ModelRecord, Preflight, PullProgress } from '../../contracts/models.ts';
import { formatBytes } from '../../lib/format-bytes.ts';
import { readMachine } from '../../lib/machine.ts';
import type { CheckOptions, PullOptions } from '../models.ts';
import type { ModelsContext } from '../models-context.ts';
import { refuseWithoutRoom } from '../preflight/disk-room.ts';
import { preflight, type PreflightOptions } from '../preflight/preflight.ts';
import { type HubRepository, type ModelReference, parseReference } from '../reference.ts';
import type { Manifest } from '../registry/manifest-files.ts';
import { allocatedBytes } from '../registry/registry.ts';
import { openFolderRepository } from '../repository/folder-repository.ts';
import { openHubRepository } from '../repository/hub-repository.ts';
import type { Repository } from '../repository/repository.ts';
import { findNamed, namesOf } from '../resolve-model.ts';
import { executePull, keyOf } from './execute-pull.ts';
import { type PlanContext, planHubPull, type PullPlan } from './pull-plan.ts';
import { unfinishedPulls } from './unfinished-pulls.ts';
import { unreachableInstead, unreachableWhereMissing } from './unreachable.ts';
import { isWhole, looksWhole } from './whole-file.ts';

type Emit = (event: Exclude<PullProgress, { type: 'done' }>) => void;
type HubReference = Extract<ModelReference, { kind: 'hub' }>;

export interface PullWork {
  emit: Emit;
  signal: AbortSignal;
}

/** Plans, checks and does a pull from the Hub. */
export async function pullFromHub(
  context: ModelsContext,
  reference: HubReference,
  work: PullWork & { options: PullOptions },
): Promise<ModelRecord> {
  return withPlan(context, { reference, work, base: work.options.base }, (plan) =>
    // The key by itself is taken while the work folder is in use; this is around it.
    context.lock.run(`pull ${keyOf(plan)}`, async () => {
      const { force } = work.options;
      const manifest = await findReady(context, plan, (here) =>
        isWhole(context, here, { ...work, isDoubted: force }),
      );
      const report = await examine(context, plan, { ...work, here: manifest === undefined ? null : 'sound' });
      work.emit({ type: 'plan', preflight: report });
      if (manifest !== undefined) {
        await context.registry.alsoKnownAs(plan.id, plan.aliases);
        return manifest.record;
      }
      refuseMisfit(report, force === true);
      return executePull(plan, { ...context, ...work });
    }),
  ).catch(async (error: unknown) => {
    const here = await whenOffline(context, reference, { error, work });
    if (here === undefined) throw error;
    work.emit({
      type: 'note',
      message: `The Hub cannot be reached; ${here.record.id} that is here stays as it is.`,
    });
    return here.record;
  });
}

/** The same without doing it. */
export async function checkHub(
  context: ModelsContext,
  reference: HubReference,
  work: { options: CheckOptions; signal: AbortSignal },
): Promise<Preflight> {
  const notes: string[] = [];
  const emit: Emit = (event) => {
    if (event.type === 'note') notes.push(event.message);
  };
  return withPlan(
    context,
    { reference, work: { emit, signal: work.signal }, base: work.options.base },
    async (plan) => {
      const manifest = await findReady(context, plan, (here) => looksWhole(context, here, work.signal));
      const here = manifest && (context.doubts.isDoubted(manifest.record.sha256) ? 'doubted' : 'sound');
      const report = await examine(context, plan, { ...work, emit, here: here ?? null });
      return { ...report, notes: [...notes, ...report.notes] };
    },
  );
}

interface Planning {
  reference: HubReference;
  work: PullWork;
  base: string | undefined;
}

async function withPlan<Value>(
  context: ModelsContext,
  { reference, work, base }: Planning,
  use: (plan: PullPlan) => Promise<Value>,
): Promise<Value> {
  const opened: Repository[] = [];
  try {
    const planning = planHubPull(reference, planContext(context, work, { opened, base }));
    return await use(
      await planning.catch((error: unknown) => {
        throw unreachableInstead(error, opened);
      }),
    );
  } finally {
    await Promise.all(opened.map((repository) => repository.close()));
  }
}

/** How repositories are opened for one piece of work; `opened` is for the caller to close. */
export function planContext(
  context: ModelsContext,
  { emit, signal }: PullWork,
  { opened, base }: { opened: Repository[]; base?: string | undefined },
): PlanContext {
  const note = (message: string): void => emit({ type: 'note', message });
  const keep = <Opened extends Repository>(repository: Opened): Opened => {
    opened.push(repository);
    return repository;
  };
  const call = {
    signal,
    onRetry: ({ reason, waitMs }: { reason: string; waitMs: number }): void =>
      note(`${reason} Trying again in ${Math.ceil(waitMs / 1000)} s.`),
  };
  return {
    signal,
    note,
    base: base === undefined ? undefined : baseRepository(base),
    openHub: async (repository) =>
      keep(await openHubRepository(repository, { hub: context.hub, cache: context.cache, call, note })),
    openFolder: async (path) => keep(await openFolderRepository(path)),
  };
}

async function examine(
  context: ModelsContext,
  plan: PullPlan,
  work: PullWork & { options: CheckOptions; here: PreflightOptions['here'] },
): Promise<Preflight> {
  const { paths } = context.registry;
  await mkdir(paths.root, { recursive: true, mode: 0o700 });
  const heldBytes = await allocatedBytes(paths.pull(keyOf(plan)));
  return await preflight(plan, {
    converter: context.converter,
    folder: paths.root,
    reserveBytes: context.reserveBytes,
    contextTokens: work.options.contextTokens ?? context.contextTokens,
    here: work.here,
    heldBytes,
    signal: work.signal,
  }).catch((error: unknown) => {
    throw unreachableWhereMissing(error, plan.kind === 'fetch' ? [plan.repository] : [plan.base]);
  });
}

/** The model that is here under this id, if it was made from the very same commits (a folder has none) and is whole. */
async function findReady(
  context: ModelsContext,
  plan: PullPlan,
  isStillWhole: (here: ModelRecord) => Promise<boolean>,
): Promise<Manifest | undefined> {
  const manifest = await context.registry.find(plan.id);
  const commit = plan.kind === 'fetch' ? plan.repository.commit : plan.base.commit;
  if (manifest === undefined || commit === null) return undefined;
  const { origin, merged } = manifest.record;
  const adapters = plan.kind === 'fetch' ? [] : plan.adapters;
  const isSame =
    origin.kind === 'hub' &&
    origin.commit === commit &&
    merged.length === adapters.length &&
    adapters.every(
      ({ repository }, index) => repository.commit !== null && repository.commit === merged[index]?.commit,
    );
  return isSame && (await isStillWhole(manifest.record)) ? manifest : undefined;
}

function refuseMisfit(report: Preflight, isForced: boolean): void {
  refuseWithoutRoom(report.id, report.disk);
  // What other programs or another model take now may be free later; what this machine does not have never is.
  const { memoryBytes, memoryLimitBytes } = readMachine();
  const isTooLarge =
    (report.memory?.totalBytes ?? 0) > Math.min(memoryBytes, memoryLimitBytes ?? memoryBytes);
  if (report.memory !== null && isTooLarge && !isForced) {
    throw new AppError(
      'model-does-not-fit',
      `${report.id} needs about ${formatBytes(report.memory.totalBytes)} of memory, and this machine has ${formatBytes(memoryBytes)}.`,
      {
        hint: 'Choose a smaller quantisation or model, or pull with --force.',
        details: { ...report.memory },
      },
    );
  }
}

/** What is here and was asked for, unless its next state was begun: that is gone on with when the Hub is there again. */
async function whenOffline(
  context: ModelsContext,
  reference: HubReference,
  { error, work }: { error: unknown; work: PullWork },
): Promise<Manifest | undefined> {
  if (!(error instanceof AppError) || error.code !== 'hub-unreachable') return undefined;
  const wanted = namesOf(reference);
  const begun = await unfinishedPulls(context.registry.paths);
  if (begun.some(({ names }) => names.some((name) => wanted.includes(name)))) return undefined;
  const here = findNamed(reference, await context.registry.manifests());
  return here !== undefined && (await isWhole(context, here.record, work)) ? here : undefined;
}

function baseRepository(text: string): HubRepository {
  const reference = parseReference(text);
  if (reference.kind === 'hub' && reference.file === undefined && reference.adapters.length === 0) {
    return reference.repository;
  }
  throw new AppError(
    'model-reference-invalid',
    `${JSON.stringify(text)} is not a base: it is written owner/name.`,
  );
}
