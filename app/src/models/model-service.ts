import { AppError } from '../contracts/app-error.ts';
import type {
  CatalogueEntry,
  ModelDetails,
  ModelRecord,
  Preflight,
  PullProgress,
} from '../contracts/models.ts';
import type { ModelSource } from '../engine/engine.ts';
import { createModelAdapters } from './adapters/model-adapters.ts';
import { bundledId, bundledName, describeBundled, ensureBundled } from './bundled-model.ts';
import { catalogue } from './catalogue.ts';
import { importModel, localReference } from './import-model.ts';
import type {
  CheckOptions,
  ImportOptions,
  ModelAdapters,
  Models,
  PullOptions,
  RemoveResult,
} from './models.ts';
import type { ModelsContext } from './models-context.ts';
import { preflightOfPresent } from './preflight/preflight.ts';
import { reporting } from './pull/progress.ts';
import { checkHub, pullFromHub } from './pull/pull-model.ts';
import { unfinishedPulls } from './pull/unfinished-pulls.ts';
import { isWhole } from './pull/whole-file.ts';
import { formatReference, type ModelReference, parseReference } from './reference.ts';
import type { Manifest } from './registry/manifest-files.ts';
import { readModelFacts } from './registry/model-facts.ts';
import { removeTree } from './registry/registry.ts';
import { findNamed, otherQuantisations, unknownModel } from './resolve-model.ts';

const restedMs = 7 * 24 * 3_600_000;

export class ModelService implements Models {
  readonly adapters: ModelAdapters;
  readonly #context: ModelsContext;

  constructor(context: ModelsContext) {
    this.#context = context;
    this.adapters = createModelAdapters(context, (text, signal) => this.#find(text, signal));
  }

  async list(): Promise<ModelRecord[]> {
    const records = (await this.#context.registry.manifests()).map(({ record }) => record);
    if (records.some(({ id }) => id === bundledName)) return records;
    try {
      return [...records, await describeBundled(this.#context, new AbortController().signal)];
    } catch (error) {
      this.#context.log.warn({ error: String(error) }, 'the bundled model cannot be read');
      return records;
    }
  }

  async show(reference: string): Promise<ModelDetails> {
    const { record } = await this.#find(reference, new AbortController().signal);
    const path = this.#context.registry.paths.blob(record.sha256);
    const { shape: _shape, isAdapter: _isAdapter, isPart: _isPart, ...facts } = await readModelFacts(path);
    return { ...facts, ...record, adapters: await this.adapters.list(record.id), path };
  }

  async resolve(text: string, signal = new AbortController().signal): Promise<ModelSource> {
    const reference = await this.#parse(text);
    if (reference.kind === 'provider') {
      return {
        kind: 'remote',
        id: formatReference(reference),
        provider: reference.provider,
        model: reference.model,
      };
    }
    const { record } = await this.#find(text, signal);
    const { paths } = this.#context.registry;
    const adapters = await this.adapters.list(record.id);
    return {
      kind: 'file',
      id: record.id,
      path: paths.blob(record.sha256),
      sha256: record.sha256,
      adapters: adapters.map(({ id, sha256 }) => ({ id, sha256, path: paths.blob(sha256) })),
    };
  }

  async check(text: string, options: CheckOptions = {}): Promise<Preflight> {
    const reference = await this.#parse(text);
    const signal = options.signal ?? new AbortController().signal;
    if (reference.kind === 'provider') throw onlyHub(text, reference);
    if (reference.kind !== 'hub') return this.#checkPresent(text, options, signal);
    return checkHub(this.#context, reference, { options, signal });
  }

  pull(text: string, options: PullOptions = {}): AsyncGenerator<PullProgress> {
    return reporting<PullProgress>(async (emit, signal) => {
      const reference = await this.#parse(text);
      const work = { emit, signal, options };
      emit({ type: 'done', model: await this.#pull(reference, text, work) });
    }, options.signal);
  }

  import(path: string, options: ImportOptions = {}): AsyncGenerator<PullProgress> {
    return reporting<PullProgress>(async (emit, signal) => {
      const reference = localReference(path, options.quantisation);
      emit({ type: 'done', model: await importModel(this.#context, reference, { emit, signal, options }) });
    }, options.signal);
  }

  async remove(text: string): Promise<RemoveResult> {
    const reference = await this.#parse(text);
    const manifests = await this.#context.registry.manifests();
    const manifest = named(reference, manifests);
    if (manifest === undefined) {
      const left = await this.#removeLeftovers(formatReference(reference));
      if (left === undefined) throw unknownModel(text, reference, otherQuantisations(reference, manifests));
      return left;
    }
    const { id, sha256 } = manifest.record;
    const dependents = await this.adapters.list(id);
    if (dependents.length > 0) {
      throw new AppError(
        'conflict',
        `${id} is the base of ${dependents.map((adapter) => adapter.id).join(', ')}.`,
        {
          hint: 'Remove the adapters first: `corral adapter rm ID`.',
          details: { adapters: dependents.map((adapter) => adapter.id) },
        },
      );
    }
    return { removed: [id], freedBytes: await this.#context.registry.forget({ id, sha256 }) };
  }

  async collectGarbage(): Promise<RemoveResult> {
    return { removed: [], freedBytes: await this.#context.registry.sweep(restedMs) };
  }

  catalogue(): readonly CatalogueEntry[] {
    return catalogue;
  }

  async #checkPresent(text: string, options: CheckOptions, signal: AbortSignal): Promise<Preflight> {
    const { registry, reserveBytes, contextTokens, doubts } = this.#context;
    const { record } = await this.#find(text, signal);
    const facts = await readModelFacts(registry.paths.blob(record.sha256), signal);
    return preflightOfPresent(record, facts, {
      contextTokens: options.contextTokens ?? contextTokens,
      folder: registry.paths.root,
      reserveBytes,
      isDoubted: doubts.isDoubted(record.sha256),
    });
  }

  async #pull(
    reference: ModelReference,
    text: string,
    work: Parameters<typeof pullFromHub>[2],
  ): Promise<ModelRecord> {
    if (reference.kind === 'hub') return pullFromHub(this.#context, reference, work);
    if (reference.kind === 'local') return importModel(this.#context, reference, work);
    if (reference.kind === 'name') return this.#pullName(text, work);
    throw onlyHub(text, reference);
  }

  /** Only what is in the list has a mere name: the bundled model, which is made anew where it is damaged, and imports. */
  async #pullName(text: string, work: Parameters<typeof pullFromHub>[2]): Promise<ModelRecord> {
    const { record, aliases } = await this.#find(text, work.signal);
    if (await isWhole(this.#context, record, { ...work, isDoubted: work.options.force })) return record;
    if (record.origin.kind === 'bundled') {
      await this.#context.registry.forget(record);
      return (await this.#find(text, work.signal)).record;
    }
    // The reference that it was imported by, with its adapters and its quantisation.
    const [from = 'PATH'] = aliases;
    const [name] = record.id.split(':');
    throw new AppError('model-file-invalid', `The file of ${record.id} is damaged or gone.`, {
      hint: `Take it in again: corral import ${from} --name ${name}`,
    });
  }

  /** The model that is here; the bundled one is made when it is not yet. */
  async #find(text: string, signal: AbortSignal): Promise<Manifest> {
    const reference = await this.#parse(text);
    if (reference.kind === 'name' && reference.name === bundledName) {
      return ensureBundled(this.#context, reference.tag, signal);
    }
    const manifests = await this.#context.registry.manifests();
    const manifest = findNamed(reference, manifests) ?? otherQuantisations(reference, manifests)[0];
    if (manifest === undefined) throw unknownModel(text, reference);
    return manifest;
  }

  /** A service that was added later does not take over the name of what is here: nothing would leave the machine unasked. */
  async #parse(text: string): Promise<ModelReference> {
    const { providers, registry } = this.#context;
    const reference = parseReference(text, { providers: providers() });
    if (reference.kind !== 'provider') return reference;
    const id = formatReference(reference);
    const isHere = (await registry.manifests()).some(({ record }) => record.id === id);
    return isHere ? parseReference(text) : reference;
  }

  /**
   * Deletes what unfinished pulls left behind, whatever the quantisation; `conflict` while one of them is at work, and
   * undefined where there is none.
   */
  async #removeLeftovers(wanted: string): Promise<RemoveResult | undefined> {
    const { registry, lock } = this.#context;
    const found = (await unfinishedPulls(registry.paths)).filter(({ names }) =>
      names.some((name) => name === wanted || name.startsWith(`${wanted}:`)),
    );
    const atWork = found.find(({ key }) => lock.isBusy(key));
    if (atWork !== undefined) {
      throw new AppError('conflict', `${atWork.id} is being pulled just now.`, {
        hint: 'Stop the pull first; then what it has got so far can be removed.',
      });
    }
    if (found.length === 0) return undefined;
    // A pull that begins meanwhile waits until its folder is gone.
    const freed = await Promise.all(
      found.map(({ key }) => lock.run(key, () => removeTree(registry.paths.pull(key)))),
    );
    return { removed: found.map(({ id }) => id), freedBytes: freed.reduce((sum, bytes) => sum + bytes, 0) };
  }
}

/** What is to be removed: never one that was not named. */
function named(reference: ModelReference, manifests: readonly Manifest[]): Manifest | undefined {
  const isBundled = reference.kind === 'name' && reference.name === bundledName;
  if (!isBundled) return findNamed(reference, manifests);
  return manifests.find(({ record }) => record.id === bundledId(reference.tag));
}

function onlyHub(text: string, reference: ModelReference): AppError {
  const why = {
    provider: 'a service answers for it, so there is nothing to fetch',
    name: 'it is a name in the list, not a place to fetch from',
    local: 'it is on this machine already',
    hub: '',
  }[reference.kind];
  return new AppError('bad-request', `${JSON.stringify(text)} cannot be fetched: ${why}.`, {
    hint: 'Name a repository of the Hub: owner/name.',
  });
}
