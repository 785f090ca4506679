import { describe, expect, it } from 'vitest';
import { parseInvocation } from './program.ts';

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
