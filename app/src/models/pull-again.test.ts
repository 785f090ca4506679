import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createLlamaWorkplace, type LlamaWorkplace } from '../../test/fixtures/llama-workplace.ts';
import { writeTinyRepository } from '../../test/fixtures/models/tiny-repository.ts';
import { writeTinyGguf } from '../../test/fixtures/tiny-gguf.ts';
import { drain, type ModelsOnHub, pulled, startModelsOnHub } from '../../test/hub/models-on-hub.ts';
import { tinyAdapter } from '../../test/hub/tiny-adapter.ts';
import type { ModelRecord } from '../contracts/models.ts';

const crash = { reason: 'SIGSEGV', isTheFilesFault: true };

describe('a model that is here and is pulled again', () => {
  const reference = 'owner/tiny-GGUF:q8_0';
  let fixtures: string;
  let model: Buffer;
  let sha256: string;
  let place: LlamaWorkplace;
  let at: ModelsOnHub;
  let blob: string;

  beforeAll(async () => {
    fixtures = mkdtempSync(join(tmpdir(), 'corral-fixtures-'));
    const made = await writeTinyGguf(fixtures, { type: 'q8_0', width: 256, layers: 4 });
    model = readFileSync(made.path);
    sha256 = made.sha256;
  });
  afterAll(() => rmSync(fixtures, { recursive: true }));

  beforeEach(async () => {
    place = await createLlamaWorkplace();
    at = await startModelsOnHub({}, { doubts: place.loader.crashes });
    at.hub.add({ id: 'owner/tiny-GGUF', files: { 'tiny-Q8_0.gguf': model } });
    await pulled(at.models.pull(reference));
    blob = join(at.folder, `models/blobs/sha256-${sha256}.gguf`);
    at.hub.requests.length = 0;
  });
  afterEach(async () => {
    await at.close();
    await place.close();
  });

  const isFetchedWhole = (): boolean =>
    at.hub.requests.some(({ headers }) => headers.range === `bytes=0-${model.length - 1}`);
  /** Damage that neither the size nor the header shows. */
  const damageWithin = (path: string): void => {
    const bytes = readFileSync(path);
    bytes.fill(0, bytes.length - 9000, bytes.length - 5000);
    writeFileSync(path, bytes);
  };
  const isQuarantined = (): boolean => place.loader.crashes.quarantined().length > 0;
  const loads = async (): Promise<void> => {
    const engine = await place.load({ path: blob, sha256 });
    await engine.close();
  };

  it.each<[string, () => void]>([
    ['is gone', () => rmSync(blob)],
    ['was cut short', () => truncateSync(blob, 5000)],
    ['has lost its beginning', () => writeFileSync(blob, Buffer.from(model).fill(0, 0, 4096))],
  ])('is fetched again where its file %s', async (_what, damage) => {
    damage();
    expect(await at.models.check(reference)).toMatchObject({ action: 'fetch', downloadBytes: model.length });
    const events = await drain(at.models.pull(reference));
    expect(events[0]).toMatchObject({ type: 'plan', preflight: { action: 'fetch' } });
    expect(isFetchedWhole()).toBe(true);
    expect(readFileSync(blob).equals(model)).toBe(true);
  });

  it('is read whole and fetched again where the engine found it damaged, or where one insists', async () => {
    damageWithin(blob);
    place.loader.crashes.doubt(sha256);
    const report = await at.models.check(reference);
    expect(report).toMatchObject({
      action: 'fetch',
      // It may be sound: then nothing travels, and the disk needs no room for a second one.
      downloadBytes: 0,
      disk: { needBytes: 0 },
      notes: expect.arrayContaining([expect.stringContaining('reads it whole')]) as string[],
    });
    await pulled(at.models.pull(reference));
    expect(readFileSync(blob).equals(model)).toBe(true);
    damageWithin(blob);
    await pulled(at.models.pull(reference, { force: true }));
    expect(readFileSync(blob).equals(model)).toBe(true);
  });

  it('gets its next chance where it was quarantined and is whole, without being fetched', async () => {
    for (const _ of [1, 2]) place.loader.crashes.record(sha256, crash);
    await expect(loads()).rejects.toMatchObject({
      code: 'model-quarantined',
      hint: expect.stringMatching(/Pull or import/) as string,
    });
    const events = await drain(at.models.pull(reference));
    expect(events).toContainEqual(expect.objectContaining({ phase: 'verify', doneBytes: model.length }));
    expect(isFetchedWhole()).toBe(false);
    await loads();
  });

  it('gets its next chance by being removed and pulled, too', async () => {
    for (const _ of [1, 2]) place.loader.crashes.record(sha256, crash);
    await at.models.remove(reference);
    await pulled(at.models.pull(reference));
    expect(isQuarantined()).toBe(false);
  });

  it('is not called ready without a network where it is damaged', async () => {
    const offline = at.again({ offline: true });
    for (const _ of [1, 2]) place.loader.crashes.record(sha256, crash);
    await pulled(offline.pull(reference));
    expect(isQuarantined()).toBe(false);
    truncateSync(blob, 5000);
    await expect(drain(offline.pull(reference))).rejects.toMatchObject({ code: 'hub-unreachable' });
  });

  /** Begins a pull and stops it midway. */
  const begin = async (wanted: string): Promise<void> => {
    at.hub.misbehave({ match: /^store/, act: { kind: 'drip', bytes: 20_000, everyMs: 10 } });
    for await (const event of at.models.pull(wanted)) if (event.type === 'progress') break;
    at.hub.behave();
  };

  it('is not taken for another quantisation that was begun when the network went', async () => {
    const plain = 'owner/tiny-GGUF';
    at.hub.add({ id: plain, files: { 'tiny-Q8_0.gguf': model, 'tiny-Q4_K_M.gguf': model } });
    await begin(plain);
    const begun = at.inside('pulls');
    expect(begun).toHaveLength(1);
    const offline = at.again({ offline: true });
    await expect(drain(offline.pull(plain))).rejects.toMatchObject({ code: 'hub-unreachable' });
    expect(at.inside('pulls')).toEqual(begun);
    await offline.remove(plain);
    await expect(drain(offline.pull(plain))).rejects.toMatchObject({ code: 'hub-unreachable' });
    expect(await pulled(offline.pull(reference))).toMatchObject({ id: reference });
    expect(await pulled(at.models.pull(plain))).toMatchObject({ id: `${plain}:q4_k_m` });
    expect(await pulled(offline.pull(plain))).toMatchObject({ id: `${plain}:q4_k_m` });
  });

  it('is not called ready without a network where a later state of it was begun', async () => {
    const publish = (byte: number): unknown =>
      at.hub.add({
        id: 'owner/tiny-GGUF',
        files: { 'tiny-Q8_0.gguf': Buffer.from(model).fill(byte, model.length - 9000, model.length - 5000) },
      });
    publish(1);
    await begin(reference);
    const begun = at.inside('pulls');
    expect(begun).toHaveLength(1);
    const offline = at.again({ offline: true });
    await expect(drain(offline.pull(reference))).rejects.toMatchObject({ code: 'hub-unreachable' });
    expect(at.inside('pulls')).toEqual(begun);
    publish(2);
    const { sha256: latest } = await pulled(at.models.pull(reference));
    expect(at.inside('pulls')).toEqual([]);
    expect(await pulled(offline.pull(reference))).toMatchObject({ sha256: latest });
  });

  it('is made anew where it is the bundled one; so is an adapter that is added again', async () => {
    const record = await pulled(at.models.pull('cria'));
    const path = join(at.folder, `models/blobs/sha256-${record.sha256}.gguf`);
    truncateSync(path, 5000);
    expect(await pulled(at.models.pull('cria'))).toMatchObject({ sha256: record.sha256 });
    expect(readFileSync(path)).toHaveLength(record.sizeBytes);
    for (const _ of [1, 2]) place.loader.crashes.record(record.sha256, crash);
    expect(await at.models.check('cria')).toMatchObject({
      action: 'convert',
      notes: expect.arrayContaining([expect.stringContaining('reads it whole')]) as string[],
    });
    await pulled(at.models.pull('cria'));
    expect(await at.models.check('cria')).toMatchObject({ action: 'ready' });
    const pirate = join(import.meta.dirname, '../../../cria/adapters/pirate');
    const add = async (): Promise<string> => {
      const last = (await drain(at.models.adapters.add(pirate, { base: 'cria' }))).at(-1);
      return last?.type === 'done' ? last.adapter.sha256 : '';
    };
    const adapter = await add();
    for (const _ of [1, 2]) place.loader.crashes.record(adapter, crash);
    expect(await add()).toBe(adapter);
    expect(place.loader.crashes.isDoubted(adapter)).toBe(false);
  });

  it('is asked for by its path where it came from this machine', async () => {
    const path = join(fixtures, 'tiny.gguf');
    await at.models.remove(reference);
    await pulled(at.models.import(path, { name: 'mine' }));
    for (const _ of [1, 2]) place.loader.crashes.record(sha256, crash);
    await pulled(at.models.pull('mine'));
    expect(isQuarantined()).toBe(false);
    truncateSync(blob, 5000);
    for (const _ of [1, 2]) place.loader.crashes.record(sha256, crash);
    await expect(drain(at.models.pull('mine'))).rejects.toMatchObject({
      code: 'model-file-invalid',
      hint: `Take it in again: corral import ${path} --name mine`,
    });
    await pulled(at.models.import(path, { name: 'mine' }));
    expect(isQuarantined()).toBe(false);
    expect(readFileSync(blob).equals(model)).toBe(true);
  });

  it('is merged anew where its adapter was trained further, and only then', async () => {
    await writeTinyRepository(join(fixtures, 'llama'), { dtype: 'f16' });
    at.hub.add({ id: 'owner/tiny-llama', folder: join(fixtures, 'llama') });
    const train = (seed: number): string =>
      at.hub.add({ id: 'owner/adapter', files: tinyAdapter({ base: 'owner/tiny-llama', seed }) });
    const merge = (): Promise<ModelRecord> => pulled(at.models.pull('owner/tiny-llama+owner/adapter:q8_0'));
    train(1);
    const first = await merge();
    expect(await merge()).toEqual(first);
    const commit = train(2);
    const second = await merge();
    expect(second).toMatchObject({ id: first.id, merged: [{ reference: 'owner/adapter', commit }] });
    expect(second.sha256).not.toBe(first.sha256);
  });

  it('answers to every name that it was pulled by, also after it was made anew', async () => {
    await writeTinyRepository(join(fixtures, 'llama'), { dtype: 'f16' });
    at.hub.add({ id: 'owner/tiny-llama', folder: join(fixtures, 'llama') });
    const train = (seed: number): unknown =>
      at.hub.add({ id: 'owner/adapter', files: tinyAdapter({ base: 'owner/tiny-llama', seed }) });
    const whole = 'owner/tiny-llama+owner/adapter:q8_0';
    train(1);
    const first = await pulled(at.models.pull(whole));
    expect(await pulled(at.models.pull('owner/adapter:q8_0'))).toEqual(first);
    expect(await at.models.resolve('owner/adapter')).toMatchObject({ id: whole });
    train(2);
    const { sha256: trained } = await pulled(at.models.pull(whole));
    expect(trained).not.toBe(first.sha256);
    expect(await at.models.resolve('owner/adapter:q8_0')).toMatchObject({ id: whole, sha256: trained });
    at.hub.add({ id: 'owner/label-GGUF', files: { 'm-UD-Q8_K_XL.gguf': model } });
    for (const label of ['UD-Q8_K_XL', 'ud-q8_k_xl']) {
      const { id } = await pulled(at.models.pull(`owner/label-GGUF:${label}`));
      expect(await at.models.resolve(`owner/label-GGUF:${label}`)).toMatchObject({ id });
    }
  });
});
