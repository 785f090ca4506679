import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../contracts/app-error.ts';
import { createOutput, reportError } from './output.ts';

interface Screen {
  stream: NodeJS.WriteStream;
  text(): string;
}

function screen(isTTY: boolean): Screen {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 80 });
  return {
    stream: stream as unknown as NodeJS.WriteStream,
    text: () => String(stream.read() ?? ''),
  };
}

function outputs(isTTY: boolean, hasColours = true) {
  const [stdout, stderr] = [screen(isTTY), screen(isTTY)];
  return {
    stdout,
    stderr,
    output: createOutput({ isJson: false, hasColours, stdout: stdout.stream, stderr: stderr.stream }),
  };
}

/** Writes the clipboard, renames the window, clears the screen, goes back to the start of the line. */
const hostile = 'a\u001B]52;c;ZXZpbA==\u0007b\u001B]0;title\u0007c\u001B[2Jd\re\u009B31mf\u007F\u0000g';
const harmless = 'a\u241B]52;c;ZXZpbA==\u2407b\u241B]0;title\u2407c\u241B[2Jd\u240De\uFFFD31mf\u2421\u2400g';

describe('what a command prints', () => {
  it('never lets words of others steer the terminal', () => {
    const { stdout, stderr, output } = outputs(true);
    output.line(hostile);
    output.write(hostile);
    output.table([[hostile]], ['name']);
    expect(stdout.text()).toBe(`${harmless}\n${harmless}name\n${harmless}\n`);
    output.status(hostile);
    expect(stdout.text()).toContain(harmless);
    output.progress('x').update(null, hostile);
    expect(stdout.text()).toContain(harmless);
    output.note(hostile);
    reportError(new AppError('file-unsafe', hostile, { hint: hostile }), output, false);
    expect(stderr.text()).toBe(`${harmless}\ncorral: ${harmless}\n${harmless}\n`);
  });

  it('keeps tabs, line ends and its own colours', () => {
    const { stdout, output } = outputs(true);
    const text = 'one\ttwo\r\nthree\n\u001B[1mbold\u001B[22m \u001B[32mgreen\u001B[39m \u00e9\ud83d\ude80';
    output.write(text);
    expect(stdout.text()).toBe(text);
  });

  it('is plain with --no-color', () => {
    const { stdout, output } = outputs(true, false);
    output.line(output.style('bold', 'bold'));
    output.status('loading');
    expect(stdout.text()).toBe('bold\n\r\u001B[2Kloading');
  });

  it('hands everything on as it is where no terminal reads', () => {
    const { stdout, output } = outputs(false);
    output.write(hostile);
    expect(stdout.text()).toBe(hostile);
  });
});
