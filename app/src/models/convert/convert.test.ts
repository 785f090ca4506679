import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFile, mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { convertFolder } from '../../../test/fixtures/models/convert-folder.ts';
import { encodePytorchBin } from '../../../test/fixtures/models/pytorch-bin-writer.ts';
import { streamedFiles, type StreamedOptions } from '../../../test/fixtures/models/streamed-files.ts';
import { writeTinyAdapter } from '../../../test/fixtures/models/tiny-adapter.ts';
import { writeTinyRepository, type TinyRepository } from '../../../test/fixtures/models/tiny-repository.ts';
import { temporaryFolder } from '../../../test/fixtures/temporary-folder.ts';
import { AppError } from '../../contracts/app-error.ts';
import { encodeSafetensors } from '../../formats/safetensors/safetensors-writer.ts';
import { convert } from './convert.ts';
import type { ConvertProgress, ConvertResult } from './convert-types.ts';
import { nodeFlags } from '../../../../bin/runtime.mjs';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let base: TinyRepository;
let expected: string;
let count = 0;
const newFolder = (): string => join(folder.path, `t${(count += 1)}`);

beforeAll(async () => {
  folder = await temporaryFolder();
  base = await writeTinyRepository(newFolder(), { shards: 3, layers: 4, dtype: 'bf16' });
  expected = (await convertFolder(newFolder(), { base: base.folder })).sha256;
});
afterAll(async () => await folder.remove());

interface Streamed {
  target: string;
  options?: StreamedOptions;
  signal?: AbortSignal;
  onStep?: (step: ConvertProgress) => void;
}

async function convertStreamed({ target, options, signal, onStep }: Streamed): Promise<{
  result: ConvertResult | undefined;
  streams: { name: string; offset: number; bytes: number }[];
}> {
  await mkdir(target, { recursive: true });
  const { files, streams } = await streamedFiles(base.folder, options);
  const output = join(target, 'model.gguf');
  let result: ConvertResult | undefined;
  const journal = join(target, 'model.journal');
  const steps = convert({
    base: files,
    adapters: [],
    quantisation: 'q4_k_m',
    output,
    journal,
    workers: 2,
    ...(signal ? { signal } : {}),
  });
  for await (const step of steps) {
    onStep?.(step);
    if (step.type === 'done') result = step.result;
  }
  return { result, streams };
}

async function journalLines(target: string): Promise<number> {
  const text = await readFile(join(target, 'model.journal'), 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line.includes('"u"')).length;
}

describe('a conversion', () => {
  it('gives the same bytes with any number of workers', async () => {
    for (const workers of [2, 3]) {
      const result = await convertFolder(newFolder(), { base: base.folder, workers });
      expect(result.sha256).toBe(expected);
    }
  });

  it('says what it will make before it begins, and leaves one file', async () => {
    const target = newFolder();
    const steps: ConvertProgress[] = [];
    const { result } = await convertStreamed({ target, onStep: (step) => steps.push(step) });
    expect(steps[0]).toMatchObject({
      type: 'plan',
      resumedBytes: 0,
      summary: { architecture: 'llama', layers: 4 },
    });
    const [first] = steps;
    const { size } = await stat(join(target, 'model.gguf'));
    expect(first?.type === 'plan' && first.summary.outputBytes).toBe(size);
    const last = steps.findLast((step) => step.type === 'progress' && step.phase === 'convert');
    expect(last?.type === 'progress' && last.doneBytes).toBe(
      first?.type === 'plan' && first.summary.sourceBytes,
    );
    expect(await readdir(target)).toEqual(['model.gguf']);
    expect(
      createHash('sha256')
        .update(await readFile(join(target, 'model.gguf')))
        .digest('hex'),
    ).toBe(result?.sha256);
  });

  it('takes weights as they come in, each byte once and in order', async () => {
    const { result, streams } = await convertStreamed({ target: newFolder() });
    expect(result?.sha256).toBe(expected);
    expect(streams.map(({ offset }) => offset)).toEqual([0, 0, 0]);
    for (const { name, bytes } of streams) expect(bytes).toBe((await stat(join(base.folder, name))).size);
  });

  it.each([17, 1 << 20])('takes them in pieces of %d bytes', async (pieceBytes) => {
    const { result } = await convertStreamed({
      target: newFolder(),
      options: { pieceBytes },
    });
    expect(result?.sha256).toBe(expected);
  });

  it('takes an output that shares its bytes with the embedding, as PyTorch writes it', async () => {
    const repository = await writeTinyRepository(newFolder(), { layers: 1, tied: true });
    const inputs = [...repository.tensors].map(([name, { shape, values }]) => {
      return { name, dtype: 'f32' as const, shape, bytes: new Uint8Array(values.slice().buffer) };
    });
    const embedding = inputs.find(({ name }) => name.includes('embed_tokens'));
    await rm(join(repository.folder, 'model.safetensors'));
    const shared = { name: 'lm_head.weight', sharedWith: embedding?.name ?? '' };
    await writeFile(join(repository.folder, 'pytorch_model.bin'), encodePytorchBin(inputs, [shared]));
    const local = await convertFolder(newFolder(), { base: repository.folder });
    const { files } = await streamedFiles(repository.folder);
    const target = newFolder();
    await mkdir(target);
    const paths = { output: join(target, 'm.gguf'), journal: join(target, 'm.journal') };
    const steps = convert({ base: files, adapters: [], quantisation: 'q4_k_m', workers: 2, ...paths });
    for await (const step of steps) if (step.type === 'done') expect(step.result.sha256).toBe(local.sha256);
    expect(local.summary.tensors).toBe(repository.tensors.size + 1);
  });

  it('refuses a shard that is not what the Hub describes, and leaves nothing', async () => {
    const target = newFolder();
    const options = { sha256: '0'.repeat(64) };
    await expect(convertStreamed({ target, options })).rejects.toMatchObject({ code: 'hash-mismatch' });
    expect(await readdir(target)).toEqual([]);
  });
});

it('says it when the file system takes no file that large, and goes on elsewhere', async () => {
  const target = newFolder();
  await mkdir(target);
  const program = join(import.meta.dirname, '../../../test/fixtures/models/convert-child.ts');
  const paths = [join(target, 'model.gguf'), join(target, 'model.journal')];
  const parameters = [
    '--fsize=65536:',
    process.execPath,
    ...nodeFlags,
    program,
    base.folder,
    ...paths,
    '1e9',
  ];
  const { stdout } = await promisify(execFile)('prlimit', parameters);
  expect(JSON.parse(stdout)).toMatchObject({
    code: 'input-output',
    message: expect.stringContaining('no file that large') as string,
  });
  expect((await convertStreamed({ target })).result?.sha256).toBe(expected);
});

describe('a conversion that was stopped', () => {
  async function stopInTheMiddle(target: string): Promise<void> {
    const stop = new AbortController();
    const stall = async (): Promise<void> => {
      while ((await journalLines(target)) < 5) await sleep(5);
      stop.abort();
    };
    const options = { stallAfterBytes: 60_000, stall };
    await expect(convertStreamed({ target, options, signal: stop.signal })).rejects.toMatchObject({
      code: 'cancelled',
    });
  }

  it('goes on where it was, reads no byte before that again, and gives the same file', async () => {
    const target = newFolder();
    await stopInTheMiddle(target);
    expect((await readdir(target)).toSorted()).toEqual(['model.gguf.part', 'model.journal']);
    const { result, streams } = await convertStreamed({ target });
    expect(result?.sha256).toBe(expected);
    expect(result?.unitsFoundDone).toBeGreaterThanOrEqual(5);
    expect(streams.some(({ offset }) => offset > 0)).toBe(true);
    expect(await readdir(target)).toEqual(['model.gguf']);
  });

  it('killed with -9: no unit that is in the journal is done again', async () => {
    const target = newFolder();
    await mkdir(target);
    const program = join(import.meta.dirname, '../../../test/fixtures/models/convert-child.ts');
    const journal = join(target, 'model.journal');
    const child = spawn(process.execPath, [
      ...nodeFlags,
      program,
      base.folder,
      join(target, 'model.gguf'),
      journal,
      '60000',
    ]);
    const gone = new Promise((resolve) => child.on('close', resolve));
    while ((await journalLines(target)) < 8) await sleep(10);
    child.kill('SIGKILL');
    await gone;
    const done = await journalLines(target);
    const { result } = await convertStreamed({ target });
    expect(result?.sha256).toBe(expected);
    expect(result?.unitsFoundDone).toBe(done);
  });

  it('notices bytes that a power cut took, and makes them again', async () => {
    const target = newFolder();
    await stopInTheMiddle(target);
    const journal = join(target, 'model.journal');
    const lines = (await readFile(journal, 'utf8')).split('\n').filter((line) => !line.includes('"y"'));
    await writeFile(journal, lines.join('\n'));
    const part = await open(join(target, 'model.gguf.part'), 'r+');
    const { size } = await part.stat();
    await part.write(new Uint8Array(size), 0, size, 0);
    await part.close();
    const { result } = await convertStreamed({ target });
    expect(result?.sha256).toBe(expected);
    expect(result?.unitsFoundDone).toBe(0);
  });

  it.each<[string, (journal: string) => Promise<void>]>([
    ['is cut off', async (journal) => await appendFile(journal, '{"u":3,"c":1')],
    [
      'holds nonsense',
      async (journal) => await appendFile(journal, 'x\n{"u":-1,"c":2}\n{"u":1e9,"c":2}\n[]\n'),
    ],
    ['is of another plan', async (journal) => await writeFile(journal, '{"plan":"other"}\n{"u":0,"c":0}\n')],
    ['is gone', async (journal) => await rm(journal)],
  ])('gives the same file when its journal %s', async (_, damage) => {
    const target = newFolder();
    await stopInTheMiddle(target);
    await damage(join(target, 'model.journal'));
    expect((await convertStreamed({ target })).result?.sha256).toBe(expected);
  });

  it('leaving the loop stops the threads and keeps what is done', async () => {
    const target = newFolder();
    await mkdir(target);
    const { files } = await streamedFiles(base.folder, { stallAfterBytes: 60_000, stall: () => sleep(100) });
    const steps = convert({
      base: files,
      adapters: [],
      quantisation: 'q4_k_m',
      output: join(target, 'model.gguf'),
      journal: join(target, 'model.journal'),
      workers: 1,
    });
    for await (const step of steps) if (step.type === 'progress' && step.doneBytes > 0) break;
    expect((await convertStreamed({ target })).result?.sha256).toBe(expected);
  });
});

describe('what cannot be converted is refused and leaves nothing', () => {
  async function refused(change: (repository: TinyRepository) => Promise<void>): Promise<AppError> {
    const repository = await writeTinyRepository(newFolder(), { layers: 1 });
    await change(repository);
    const target = newFolder();
    const error = await convertFolder(target, { base: repository.folder }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(AppError);
    expect(await readdir(target)).toEqual([]);
    return error as AppError;
  }

  async function withTensors(
    repository: TinyRepository,
    change: (tensors: { name: string; dtype: 'f32'; shape: number[]; bytes: Uint8Array }[]) => unknown,
  ): Promise<void> {
    const tensors = [...repository.tensors].map(([name, { shape, values }]) => ({
      name,
      dtype: 'f32' as const,
      shape,
      bytes: new Uint8Array(values.slice().buffer),
    }));
    change(tensors);
    await writeFile(join(repository.folder, 'model.safetensors'), encodeSafetensors(tensors));
  }

  async function withConfig(repository: TinyRepository, change: Record<string, unknown>): Promise<void> {
    const config = { ...repository.config, ...change };
    await writeFile(join(repository.folder, 'config.json'), JSON.stringify(config));
  }

  it('an unknown architecture: says which are known', async () => {
    const error = await refused((it) => withConfig(it, { architectures: ['MambaForCausalLM'] }));
    expect(error).toMatchObject({ code: 'model-unsupported' });
    expect(error.hint).toContain('LlamaForCausalLM');
  });

  it.each<[string, string, (repository: TinyRepository) => Promise<void>]>([
    ['no weights', 'model-unsupported', (it) => rm(join(it.folder, 'model.safetensors'))],
    ['no config', 'model-unsupported', (it) => rm(join(it.folder, 'config.json'))],
    ['no vocabulary', 'model-unsupported', (it) => rm(join(it.folder, 'tokenizer.model'))],
    ['a config that is no JSON', 'file-invalid', (it) => writeFile(join(it.folder, 'config.json'), '{')],
    ['a config without layers', 'model-unsupported', (it) => withConfig(it, { num_hidden_layers: null })],
    ['a config of a million layers', 'model-unsupported', (it) => withConfig(it, { num_hidden_layers: 1e6 })],
    ['heads that do not fit', 'model-unsupported', (it) => withConfig(it, { num_attention_heads: 7 })],
    ['an unknown rotation', 'model-unsupported', (it) => withConfig(it, { rope_scaling: { type: 'magic' } })],
    ['more layers than there are', 'file-invalid', (it) => withConfig(it, { num_hidden_layers: 2 })],
    ['a missing tensor', 'file-invalid', (it) => withTensors(it, (tensors) => tensors.splice(2, 1))],
    [
      'a tensor too many',
      'model-unsupported',
      (it) =>
        withTensors(it, (tensors) =>
          tensors.push({ name: 'model.extra.weight', dtype: 'f32', shape: [1], bytes: new Uint8Array(4) }),
        ),
    ],
    [
      'a weight that is not a number',
      'file-invalid',
      (it) => withTensors(it, (tensors) => tensors[3]?.bytes.set([0, 0, 0xc0, 0x7f], 400)),
    ],
    [
      'an infinite weight',
      'file-invalid',
      (it) => withTensors(it, (tensors) => tensors[3]?.bytes.set([0, 0, 0x80, 0x7f], 400)),
    ],
    [
      'a weight too large for sixteen bits',
      'file-invalid',
      (it) => withTensors(it, (tensors) => tensors[3]?.bytes.set([0, 0, 0x80, 0x48], 400)),
    ],
    [
      'a file cut short',
      'file-invalid',
      async (it) => {
        const file = await open(join(it.folder, 'model.safetensors'), 'r+');
        await file.truncate(3000);
        await file.close();
      },
    ],
  ])('%s', async (_, code, change) => {
    expect(await refused(change)).toMatchObject({ code });
  });

  it('an adapter for another base, an empty one, one without its halves', async () => {
    const repository = await writeTinyRepository(newFolder(), { layers: 1 });
    const larger = await writeTinyRepository(newFolder(), { layers: 2, width: 96, heads: 6 });
    const deeper = await writeTinyRepository(newFolder(), { layers: 2 });
    const wide = await writeTinyAdapter(newFolder(), larger);
    const deep = await writeTinyAdapter(newFolder(), deeper);
    const empty = await writeTinyAdapter(newFolder(), repository);
    await writeFile(join(empty.folder, 'adapter_model.safetensors'), encodeSafetensors([]));
    const half = await writeTinyAdapter(newFolder(), repository);
    const one = {
      name: 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight',
      dtype: 'f32' as const,
      shape: [4, 64],
      bytes: new Uint8Array(1024),
    };
    await writeFile(join(half.folder, 'adapter_model.safetensors'), encodeSafetensors([one]));
    for (const adapter of [wide, deep, empty, half]) {
      const target = newFolder();
      const adapters = [{ folder: adapter.folder, weight: 1 }];
      const conversion = convertFolder(target, { base: repository.folder, adapters });
      await expect(conversion).rejects.toMatchObject({ code: 'adapter-mismatch' });
      expect(await readdir(target)).toEqual([]);
    }
  });

  it('an adapter that replaces whole tensors, by halves', async () => {
    const repository = await writeTinyRepository(newFolder(), { layers: 1 });
    const { folder: adapter } = await writeTinyAdapter(newFolder(), repository, {
      replaced: ['lm_head.weight'],
    });
    const target = newFolder();
    const weighted = (weight: number): Promise<ConvertResult> =>
      convertFolder(target, { base: repository.folder, adapters: [{ folder: adapter, weight }] });
    await expect(weighted(0.5)).rejects.toMatchObject({
      code: 'adapter-mismatch',
      message: expect.stringContaining('a weight of 0.5') as string,
    });
    expect(await readdir(target)).toEqual([]);
    expect((await weighted(1)).sizeBytes).toBeGreaterThan(0);
  });
});
