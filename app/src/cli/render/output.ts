import { once } from 'node:events';
import { styleText } from 'node:util';
import { toAppError } from '../../contracts/app-error.ts';

export interface Progress {
  /** `fraction` from 0 to 1, or null while unknown; `note` is what stands behind the bar. */
  update(fraction: number | null, note: string): void;
  done(note: string): void;
}

/** Where a command writes. With `--json` only `json` and `document` reach standard output. */
export interface Output {
  readonly isJson: boolean;
  readonly isTerminal: boolean;
  line(text?: string): void;
  /** Text without a line end, for answers that grow. */
  write(text: string): void;
  /** One passing remark in the current line of a terminal; empty removes it. Elsewhere nothing. */
  status(text: string): void;
  /** A remark that is not the result: standard error. */
  note(text: string): void;
  json(value: unknown): void;
  /** Bytes that are the result as they are. */
  document(body: AsyncIterable<Uint8Array>): Promise<void>;
  table(rows: readonly (readonly string[])[], header: readonly string[]): void;
  progress(label: string): Progress;
  style(name: 'bold' | 'dim' | 'green' | 'yellow' | 'red', text: string): string;
}

export interface OutputOptions {
  isJson: boolean;
  /** False: `--no-color`. */
  hasColours: boolean;
  stdout: NodeJS.WriteStream;
  stderr: NodeJS.WriteStream;
}

export function createOutput({ isJson, hasColours, stdout, stderr }: OutputOptions): Output {
  const isTerminal = stdout.isTTY === true && !isJson;
  const write = (text: string): void => {
    if (!isJson) stdout.write(shown(text, stdout));
  };
  const line = (text = ''): void => write(`${text}\n`);
  const style: Output['style'] = (name, text) =>
    isTerminal && hasColours ? styleText(name, text, { stream: stdout }) : text;
  const output: Output = {
    isJson,
    isTerminal,
    line,
    write,
    status: (text) => {
      if (isTerminal) stdout.write(`\r\u001B[2K${style('dim', shown(text, stdout))}`);
    },
    note: (text) => void stderr.write(`${shown(text, stderr)}\n`),
    json: (value) => {
      if (isJson) stdout.write(`${JSON.stringify(value, null, 2)}\n`);
    },
    document: (body) => writeDocument(body, stdout),
    table: (rows, header) => formatTable(rows, header).forEach(line),
    progress: (label) => (isTerminal ? barProgress(label, stdout) : lineProgress(label, output)),
    style,
  };
  return output;
}

/** What `style` writes behind the escape character. */
const ownColours = ['[1m', '[2m', '[22m', '[31m', '[32m', '[33m', '[39m'];

/**
 * Text as a terminal may have it. Answers of models, names in their files and words of services can hold sequences that
 * write to the clipboard, rename the window or hide what stands above: a terminal is given their pictures instead.
 */
function shown(text: string, stream: NodeJS.WriteStream): string {
  if (stream.isTTY !== true) return text;
  return text.replaceAll(/\p{Cc}/gu, (found, at: number) => {
    const isPlain = found === '\n' || found === '\t' || text.startsWith('\r\n', at);
    const isOwn = found === '\u001B' && ownColours.some((colour) => text.startsWith(colour, at + 1));
    if (isPlain || isOwn) return found;
    const code = found.codePointAt(0) ?? 0;
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    return code === 0x7f ? '\u2421' : '\uFFFD';
  });
}

/** No faster than it is read: an export may be larger than memory. */
async function writeDocument(body: AsyncIterable<Uint8Array>, stdout: NodeJS.WriteStream): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of body) {
    const part = stdout.isTTY ? shown(decoder.decode(chunk, { stream: true }), stdout) : chunk;
    if (!stdout.write(part)) await once(stdout, 'drain');
  }
}

function formatTable(rows: readonly (readonly string[])[], header: readonly string[]): string[] {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

const barWidth = 24;

function barProgress(label: string, stdout: NodeJS.WriteStream): Progress {
  const draw = (bar: string, note: string): void => {
    const text = `${label} ${bar} ${note}`.slice(0, (stdout.columns ?? 80) - 1);
    stdout.write(`\r\u001B[2K${shown(text, stdout)}`);
  };
  return {
    update(fraction, note) {
      const filled = Math.round((fraction ?? 0) * barWidth);
      draw(fraction === null ? '…' : '█'.repeat(filled) + '░'.repeat(barWidth - filled), note);
    },
    done(note) {
      draw('', note);
      stdout.write('\n');
    },
  };
}

/** One line every tenth, so that a log file stays readable. */
function lineProgress(label: string, output: Output): Progress {
  let lastTenth = -1;
  return {
    update(fraction, note) {
      const tenth = fraction === null ? 0 : Math.floor(fraction * 10);
      if (tenth === lastTenth) return;
      lastTenth = tenth;
      output.note(`${label}: ${fraction === null ? '' : `${tenth * 10} % `}${note}`);
    },
    done: (note) => output.note(`${label}: ${note}`),
  };
}

/** Prints an error as a person or a program wants it; no stack trace unless `isDebug`. Returns the exit code. */
export function reportError(thrown: unknown, output: Output, isDebug: boolean): number {
  const error = toAppError(thrown);
  if (output.isJson) output.json({ error });
  else {
    output.note(`corral: ${error.message}`);
    if (error.hint) output.note(error.hint);
  }
  if (isDebug) output.note(stackOf(error));
  return error.exitCode;
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : '';
  return `${error.stack ?? error.message}${cause}`;
}
