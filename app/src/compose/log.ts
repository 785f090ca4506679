import { pino } from 'pino';
import type { Log } from '../lib/log.ts';

/** Fields that would hold a secret or somebody's text if a caller passed them by mistake. */
const hidden = ['authorization', 'cookie', 'key', 'token', 'secret', 'password', 'content', 'text', 'prompt'];

/** JSON lines on standard error; `destination` is for tests. */
export function createLog(level: string, destination: { write(line: string): void } = process.stderr): Log {
  const paths = hidden.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);
  return pino({ level, base: null, redact: { paths, censor: '[hidden]' } }, destination);
}
