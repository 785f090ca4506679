import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { splitGguf, splitName, type SplitOptions } from '../../test/fixtures/split-gguf.ts';
import { writeTinyGguf } from '../../test/fixtures/tiny-gguf.ts';
import {
  askedLengths,
  drain,
  type ModelsOnHub,
  pulled,
  startModelsOnHub,
} from '../../test/hub/models-on-hub.ts';
import type { GgufEntry } from '../formats/gguf/gguf-types.ts';
import { ggufEntry } from '../formats/gguf/gguf-writer.ts';

describe('a GGUF model in parts', () => {
  let at: ModelsOnHub;
  let whole: Buffer;
  let sha256: string;
  let fixtures: string;

  beforeAll(async () => {
    fixtures = mkdtempSync(join(tmpdir(), 'corral-split-'));
    const made = await writeTinyGguf(fixtures, { type: 'q8_0', width: 256, layers: 4 });
    whole = readFileSync(made.path);
    sha256 = made.sha256;
  });
  afterAll(() => rmSync(fixtures, { recursive: true }));
  beforeEach(async () => {
    at = await startModelsOnHub();
  });
  afterEach(() => at.close());

  const filesOf = async (options: SplitOptions): Promise<Record<string, Buffer>> => {
    const parts = await splitGguf(whole, options);
    return Object.fromEntries(
      parts.map((bytes, part) => [`q8/${splitName('tiny-Q8_0', part + 1, parts.length)}`, bytes]),
    );
  };

  it.each<SplitOptions>([{ parts: 3 }, { parts: 4, isFirstEmpty: true }, { parts: 1 }])(
    'becomes the file it was split from: %j',
    async (options) => {
      const files = await filesOf(options);
      at.hub.add({ id: 'owner/split', files: { ...files, 'other-Q4_0.gguf': 'x' } });
      const events = await drain(at.models.pull('owner/split:q8_0'));
      const bytes = Object.values(files).reduce((sum, { length }) => sum + length, 0);
      const largest = Math.max(...Object.values(files).map(({ length }) => length));
      expect(events[0]).toMatchObject({
        type: 'plan',
        preflight: {
          action: 'fetch',
          architecture: 'llama',
          downloadBytes: bytes,
          files: Object.keys(files).map((name) => ({ name: `owner/split/${name}` })),
          disk: { needBytes: bytes + (options.parts === 1 ? 0 : largest) },
          notes: options.parts === 1 ? [] : [`Its ${options.parts} parts become one file.`],
        },
      });
      const done = events.at(-1);
      expect(done).toMatchObject({
        model: { id: 'owner/split:q8_0', origin: { files: Object.keys(files) } },
      });
      if (options.parts > 1) expect(done).toMatchObject({ model: { sha256, sizeBytes: whole.length } });
      expect(at.inside('pulls')).toEqual([]);
      expect(at.inside('blobs')).toHaveLength(1);
    },
  );

  it('is meant by the name of any of its parts', async () => {
    const files = await filesOf({ parts: 3 });
    at.hub.add({ id: 'owner/split', files });
    const names = Object.keys(files);
    const record = await pulled(at.models.pull(`owner/split/${names[1]}`));
    expect(record).toMatchObject({ id: `owner/split/${names[0]}`, sha256 });
    for (const name of [names[0], names[1]])
      expect(await at.models.resolve(`owner/split/${name}`)).toMatchObject({ sha256 });
  });

  it('goes on after it was stopped while parts were joined, without fetching what is joined', async () => {
    at.hub.add({ id: 'owner/split', files: await filesOf({ parts: 4 }) });
    const stop = new AbortController();
    const seen: string[] = [];
    const first = (async () => {
      for await (const event of at.models.pull('owner/split', { signal: stop.signal }))
        if (event.type === 'progress' && event.phase === 'convert') {
          seen.push(event.file ?? '');
          stop.abort();
        }
    })();
    await expect(first).rejects.toMatchObject({ code: 'cancelled' });
    expect(seen[0]).toContain('00001-of-00004');
    const [key = ''] = at.inside('pulls');
    expect(at.inside(`pulls/${key}`)).toEqual(
      expect.arrayContaining(['result.gguf', 'result.journal', '3.file']),
    );
    // As if the process had been killed between two parts.
    const journal = join(at.folder, 'models/pulls', key, 'result.journal');
    const { joined } = JSON.parse(readFileSync(journal, 'utf8')) as { joined: number };
    for (let part = 0; part < joined; part++) expect(at.inside(`pulls/${key}`)).not.toContain(`${part}.file`);
    at.hub.requests.length = 0;
    expect((await pulled(at.models.pull('owner/split'))).sha256).toBe(sha256);
    // Headers are looked at again, 256 KiB at a time; no part is fetched again.
    expect(Math.max(0, ...askedLengths(at.hub))).toBeLessThan(1 << 18);
    expect(at.inside('pulls')).toEqual([]);
  });

  /** A pull that comes to its end and cannot write the name; its work folder. */
  async function pullWithoutName(): Promise<string> {
    at.hub.add({ id: 'owner/split', files: await filesOf({ parts: 3 }) });
    const ended = await at.withoutName('owner/split:q8_0', at.models.pull('owner/split'));
    expect(ended).toMatchObject({ code: 'input-output' });
    const [key = ''] = at.inside('pulls');
    return join(at.folder, 'models/pulls', key);
  }

  it('is taken as it is where it was finished and could not be named', async () => {
    await pullWithoutName();
    expect(at.inside('blobs')).toEqual([]);
    at.hub.requests.length = 0;
    expect(await pulled(at.models.pull('owner/split'))).toMatchObject({ id: 'owner/split:q8_0', sha256 });
    expect(Math.max(0, ...askedLengths(at.hub))).toBeLessThan(1 << 18);
    expect(at.inside('blobs')).toHaveLength(1);
    expect(at.inside('pulls')).toEqual([]);
  });

  it('is pulled anew where it was taken over and nobody named it', async () => {
    const folder = await pullWithoutName();
    // As if the process had been killed between the two.
    mkdirSync(join(at.folder, 'models/blobs'), { recursive: true });
    renameSync(join(folder, 'result.gguf'), join(at.folder, `models/blobs/sha256-${sha256}.gguf`));
    expect(await pulled(at.models.pull('owner/split'))).toMatchObject({ id: 'owner/split:q8_0', sha256 });
    expect(at.inside('blobs')).toHaveLength(1);
    expect(at.inside('pulls')).toEqual([]);
  });

  const only = (wanted: number, change: Record<string, GgufEntry>) => (part: number) =>
    part === wanted ? change : {};
  const number = (value: number): GgufEntry => ({ type: 'i32', value });

  it.each<[string, RegExp, SplitOptions['change']]>([
    ['a part of another model', /part 2 of 3 in the place of 1/, only(0, { 'split.no': number(1) })],
    ['a part of another splitting', /of 9 in the place/, only(2, { 'split.count': number(9) })],
    ['tensors that are missing', /hold \d+ tensors of 500/, () => ({ 'split.tensors.count': number(500) })],
    ['a count that is text', /in the place of/, () => ({ 'split.count': ggufEntry.string('3') })],
  ])('with %s is refused before anything is fetched', async (_, message, change = () => ({})) => {
    at.hub.add({ id: 'owner/split', files: await filesOf({ parts: 3, change }) });
    await expect(drain(at.models.pull('owner/split'))).rejects.toMatchObject({
      code: 'model-file-invalid',
      message,
    });
    expect([...at.inside('pulls'), ...at.inside('blobs')]).toEqual([]);
  });

  it('with the same tensors twice is refused', async () => {
    const [first, second] = await splitGguf(whole, { parts: 2 });
    const [again] = await splitGguf(whole, {
      parts: 2,
      change: () => ({
        'split.no': { type: 'u16', value: 1 },
        'split.tensors.count': { type: 'i32', value: 2 },
      }),
    });
    expect(second).toBeDefined();
    const files = { 'm-Q8_0-00001-of-00002.gguf': first ?? '', 'm-Q8_0-00002-of-00002.gguf': again ?? '' };
    at.hub.add({ id: 'owner/split', files });
    await expect(drain(at.models.pull('owner/split:q8_0'))).rejects.toMatchObject({
      code: 'model-file-invalid',
    });
  });

  it('that lacks a part says which', async () => {
    const files = await filesOf({ parts: 3 });
    delete files[Object.keys(files)[1] ?? ''];
    at.hub.add({ id: 'owner/split', files });
    await expect(drain(at.models.pull('owner/split'))).rejects.toMatchObject({
      code: 'model-unsupported',
      message: expect.stringMatching(/tiny-Q8_0-00002-of-00003\.gguf/) as string,
    });
    const huge = { 'm-Q8_0-00001-of-99999.gguf': whole };
    at.hub.add({ id: 'owner/huge', files: huge });
    await expect(drain(at.models.pull('owner/huge'))).rejects.toMatchObject({ code: 'model-unsupported' });
  });

  it('is imported from this machine whole, and its parts stay where they are', async () => {
    const folder = join(fixtures, 'parts');
    rmSync(folder, { recursive: true, force: true });
    const parts = await splitGguf(whole, { parts: 3 });
    const path = (part: number): string => join(fixtures, splitName('mine', part, 3));
    for (const [index, bytes] of parts.entries()) writeFileSync(path(index + 1), bytes);
    const record = await pulled(at.models.import(path(2)));
    expect(record).toMatchObject({ id: 'mine', sha256, sizeBytes: whole.length });
    expect(existsSync(path(1)) && existsSync(path(3))).toBe(true);
    writeFileSync(join(fixtures, 'renamed.gguf'), parts[0] ?? '');
    await expect(drain(at.models.import(join(fixtures, 'renamed.gguf')))).rejects.toMatchObject({
      code: expect.stringMatching(/model-file-invalid|model-unsupported/) as string,
    });
    rmSync(path(3));
    await expect(drain(at.models.import(path(1)))).rejects.toMatchObject({
      message: expect.stringMatching(/mine-00003-of-00003/) as string,
    });
    expect(at.inside('pulls')).toEqual([]);
  });
});
