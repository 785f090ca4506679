import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildProgram, parseInvocation } from './program.ts';

describe('parseInvocation', () => {
  it('finds the command, its options and the flags of settings', () => {
    const invocation = parseInvocation(
      ['serve', '--open', '--port', '8080', '--hub', 'http://hub', '--https', '--json'],
      '1',
    );
    expect(invocation?.command.name).toBe('serve');
    expect(invocation?.options['open']).toBe(true);
    expect(invocation?.flags).toEqual({ port: '8080', hubEndpoint: 'http://hub', https: true });
    expect(invocation?.isJson).toBe(true);
  });

  it('takes a path after --model from the folder it is typed in', () => {
    const invocation = parseInvocation(['chat', '--model', './m.gguf:q8_0', 'hello'], '1');
    const model = `${resolve('m.gguf')}:q8_0`;
    expect(invocation).toMatchObject({ options: { model }, flags: { model }, arguments: ['hello'] });
  });

  it.each([
    [['serv'], /unknown command 'serv'\n\(Did you mean serve\?\)/],
    [['serve', '--prot', '1'], /unknown option '--prot'\n\(Did you mean --port\?\)/],
    [['serve', '--port'], /argument missing/],
    [['serve', 'extra'], /too many arguments/],
    [[], /a command is missing/],
  ])('refuses %j as usage', (parameters, message) => {
    expect(() => parseInvocation(parameters, '1')).toThrowError(
      expect.objectContaining({ code: 'usage' }) as Error,
    );
    expect(() => parseInvocation(parameters, '1')).toThrowError(message);
  });
});

describe('the help of a command', () => {
  const helpOf = (name: string): string =>
    buildProgram('1', () => undefined)
      .commands.find((command) => command.name() === name)
      ?.helpInformation() ?? '';

  it('shows the settings that it is about; the others are taken all the same', () => {
    expect(helpOf('serve')).toContain('--tls-key');
    expect(helpOf('pull')).toContain('--offline');
    expect(helpOf('pull')).not.toContain('--tls-key');
    expect(helpOf('show')).toMatch(/Settings .*\n {2}--home <folder>.*\n[^-]*$/);
    expect(parseInvocation(['show', 'cria', '--slots', '2'], '1')?.flags).toEqual({ slots: '2' });
  });
});
