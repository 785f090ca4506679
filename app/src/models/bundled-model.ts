import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../contracts/app-error.ts';
import type { ModelRecord } from '../contracts/models.ts';
import type { ModelsContext } from './models-context.ts';
import { executePull } from './pull/execute-pull.ts';
import { planContext } from './pull/pull-model.ts';
import { type ConvertPlan, planConversion } from './pull/pull-plan.ts';
import { quantisationOf } from './reference.ts';
import { hashFile } from './registry/file-bytes.ts';
import type { Manifest } from './registry/manifest-files.ts';
import { openFolderRepository } from './repository/folder-repository.ts';
import { type Repository, weightFiles } from './repository/repository.ts';

export const bundledName = 'cria';
const decisive = /\.(?:json|safetensors|model|jinja)$/;
const bundledLicence = 'mit';
const lookEveryMs = 10_000;
/** Small as it is, rounding it to four bits would save little and cost much. */
const bundledQuantisation = 'q8_0';

/** Id of the bundled model for a tag: the plain name is its default quantisation. */
export function bundledId(tag: string | undefined): string {
  return tag === undefined || tag === bundledQuantisation ? bundledName : `${bundledName}:${tag}`;
}

/** The bundled model, converted from the repository's files when it is asked for first or when they changed. */
export async function ensureBundled(
  context: ModelsContext,
  tag: string | undefined,
  signal: AbortSignal,
): Promise<Manifest> {
  const id = bundledId(tag);
  const known = lookedAt(context);
  const present = known === null ? undefined : await context.registry.find(id);
  if (present !== undefined && present.fingerprint === known) return present;
  return context.lock.run(id, () =>
    withBundled(context, signal, async (repository, fingerprint) => {
      const here = await context.registry.find(id);
      if (here?.fingerprint === fingerprint) return here;
      const plan = await planBundled(context, repository, { tag, signal });
      const work = { emit: () => undefined, signal };
      await executePull({ ...plan, id, aliases: [] }, { ...context, ...work, fingerprint });
      const made = await context.registry.find(id);
      if (made === undefined) throw new AppError('internal', 'The bundled model was made and is not there.');
      return made;
    }),
  );
}

/** What `list` says before the first use: everything but the hash of what is not made yet. */
export async function describeBundled(context: ModelsContext, signal: AbortSignal): Promise<ModelRecord> {
  const { records } = context.bundled;
  const known = records.get(lookedAt(context) ?? '');
  if (known !== undefined) return known;
  return withBundled(context, signal, async (repository, fingerprint) => {
    const { quantisation, base } = await planBundled(context, repository, { tag: undefined, signal });
    const summary = await context.converter.plan({ base: base.content, adapters: [], quantisation, signal });
    const record: ModelRecord = {
      id: bundledName,
      sha256: '',
      sizeBytes: summary.outputBytes,
      architecture: summary.architecture,
      parameters: summary.parameters,
      quantisation,
      trainedContextTokens: summary.contextTokens,
      licence: bundledLicence,
      origin: { kind: 'bundled' },
      merged: [],
      addedAt: 0,
    };
    records.set(fingerprint, record);
    return record;
  });
}

async function planBundled(
  context: ModelsContext,
  repository: Repository,
  { tag, signal }: { tag: string | undefined; signal: AbortSignal },
): Promise<ConvertPlan> {
  const quantisation = quantisationOf(tag ?? bundledQuantisation);
  const weights = await weightFiles(repository, signal);
  if (quantisation === undefined || weights.length === 0) {
    throw new AppError('model-unknown', `There is no ${bundledId(tag)}.`, {
      hint: 'Ask for cria, or cria:f16.',
    });
  }
  const reference = { kind: 'local', path: bundledName, adapters: [], tag: quantisation } as const;
  const plain = planContext(context, { emit: () => undefined, signal }, { opened: [] });
  return planConversion({ ...reference, adapters: [] }, { repository, weights }, plain);
}

async function withBundled<Value>(
  context: ModelsContext,
  signal: AbortSignal,
  use: (repository: Repository, fingerprint: string) => Promise<Value>,
): Promise<Value> {
  const folder = await openFolderRepository(context.bundledFolder);
  const repository: Repository = { ...folder, licence: bundledLicence, origin: () => ({ kind: 'bundled' }) };
  try {
    return await use(repository, await fingerprintOf(context, repository, signal));
  } finally {
    await repository.close();
  }
}

/** The hash of the files as they were a moment ago: every answer asks for the model, and they change with a release. */
function lookedAt({ bundled: { last } }: ModelsContext): string | null {
  return last !== null && performance.now() - last.at < lookEveryMs ? last.fingerprint : null;
}

/**
 * Changes with every byte of the files that decide what comes out. They are read once in a process, and again only when
 * a size or a date is another.
 */
async function fingerprintOf(
  context: ModelsContext,
  repository: Repository,
  signal: AbortSignal,
): Promise<string> {
  const paths = repository.files.map(({ path }) => path).filter((path) => decisive.test(path));
  const stats = await Promise.all(paths.map((path) => stat(join(context.bundledFolder, path))));
  const seen = JSON.stringify(stats.map(({ size, mtimeMs }, index) => [paths[index], size, mtimeMs]));
  const { bundled } = context;
  const fingerprint = bundled.fingerprints.get(seen) ?? (await hashOf(context, paths, signal));
  bundled.fingerprints.set(seen, fingerprint);
  bundled.last = { fingerprint, at: performance.now() };
  return fingerprint;
}

async function hashOf(
  context: ModelsContext,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const hash = createHash('sha256');
  for (const path of paths) {
    hash.update(`${path}\0${await hashFile(join(context.bundledFolder, path), { signal })}\0`);
  }
  return hash.digest('hex');
}
