import { constants } from 'node:buffer';
import { open, readFile, rm, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { AppError } from '../contracts/app-error.ts';
import type { ExportFormat, ImportResult } from '../contracts/api/transfer.ts';
import { exportFormatSchema } from '../contracts/api/transfer.ts';
import type { Command } from './command.ts';
import { addPiece, importPieces, tooLarge } from './import-pieces.ts';
import { writeFault } from './write-fault.ts';

export const historyImportCommand: Command = {
  name: 'history import',
  arguments: [
    {
      name: '<file>',
      about: 'chat_history.json, an export of ChatGPT or Open WebUI, messages of Gradio, or a JSON export',
    },
  ],
  about: 'Take in chats from a file. The same file a second time adds only what lies in the trash.',
  async run(context, input) {
    const { output } = context;
    const path = input.arguments[0] ?? '';
    const { data, sizeBytes } = await readJson(path);
    const server = await context.api();
    const result: ImportResult = {
      format: 'corral',
      chats: 0,
      messages: 0,
      chatIds: [],
      passedOver: 0,
      skipped: [],
    };
    for (const { body, from } of importPieces(data, { path, sizeBytes, skipped: result.skipped })) {
      const { signal } = context;
      addPiece(result, await server.request<ImportResult>('POST', '/api/import', { body, signal }), from);
    }
    output.line(`${result.chats} chats with ${result.messages} messages were taken in (${result.format})`);
    if (result.passedOver > 0) output.line(`${result.passedOver} were here already`);
    for (const { index, reason } of result.skipped) output.note(`chat ${index + 1} was left out: ${reason}`);
    output.json(result);
  },
};

async function readJson(path: string): Promise<{ data: unknown; sizeBytes: number }> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new AppError('file-invalid', `${path} cannot be read`, { hint: 'Give the path of a file.', cause });
  });
  if (bytes.length > constants.MAX_STRING_LENGTH)
    throw tooLarge(path, bytes.length, constants.MAX_STRING_LENGTH);
  try {
    const data = JSON.parse(bytes.toString('utf8').replace(/^\uFEFF/u, '')) as unknown;
    return { data, sizeBytes: bytes.length };
  } catch (cause) {
    throw new AppError('file-invalid', `${path} is not JSON`, { cause });
  }
}

/** Those that are one JSON value as a whole; sharegpt is one a line. */
const jsonFormats: ReadonlySet<ExportFormat> = new Set(['json', 'chat_history']);

export const historyExportCommand: Command = {
  name: 'history export',
  about: 'Write chats to a file or to standard output.',
  options: [
    {
      flags: '--format <name>',
      about: 'json (everything), markdown, sharegpt or chat_history',
      default: 'json',
    },
    { flags: '--chat <id>', about: 'one chat instead of all' },
    { flags: '--out <file>', about: 'where to; an existing file is not overwritten' },
  ],
  async run(context, input) {
    const format = exportFormatSchema.safeParse(input.options['format']);
    if (!format.success)
      throw new AppError('usage', `${String(input.options['format'])} is no format`, {
        hint: `Use one of: ${exportFormatSchema.options.join(', ')}.`,
      });
    const { output, signal } = context;
    const { chat, out } = input.options;
    if (output.isJson && out === undefined && !jsonFormats.has(format.data))
      throw new AppError('usage', `--json prints one JSON value, and ${format.data} is none`, {
        hint: 'Leave --json out, or name a file with --out.',
      });
    const path = typeof chat === 'string' ? `/api/chats/${encodeURIComponent(chat)}/export` : '/api/export';
    const server = await context.api();
    const body = await server.download(`${path}?format=${format.data}`, signal);
    if (typeof out !== 'string') return output.document(body);
    const sizeBytes = await writeFileWhole(out, body);
    output.line(`${out}: ${sizeBytes} bytes`);
    output.json({ file: out, sizeBytes });
  },
};

/** A part of an export is none: a file that could not be written to its end is not kept. */
async function writeFileWhole(path: string, body: AsyncIterable<Uint8Array>): Promise<number> {
  const file = await open(path, 'wx', 0o600).catch((cause: unknown) => {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw writeFault(path, cause);
    throw new AppError('conflict', `${path} exists already.`, { hint: 'Name another file.', cause });
  });
  try {
    await pipeline(body, file.createWriteStream());
    return (await stat(path)).size;
  } catch (cause) {
    await rm(path, { force: true });
    throw writeFault(path, cause);
  }
}
