import { describe, expect, it } from 'vitest';
import { createLog } from './log.ts';

describe('createLog', () => {
  it('writes one JSON line and hides secrets and text at every depth', () => {
    const lines: string[] = [];
    const log = createLog('info', { write: (line) => void lines.push(line) });
    log.child({ requestId: 'r1' }).info({ token: 'canary', headers: { authorization: 'canary' } }, 'hello');
    log.debug({}, 'not shown');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ requestId: 'r1', msg: 'hello', token: '[hidden]' });
    expect(lines[0]).not.toContain('canary');
  });
});
