import type { IncomingMessage, ServerResponse } from 'node:http';

/** What the Hub may do wrong, for requests whose `origin path` matches, as often as `times` says. */
export interface Misbehaviour {
  /** Against `hub /path` or `store /path`. */
  match: RegExp;
  /** Default: always. */
  times?: number;
  act: Act;
}

export type Act =
  | { kind: 'status'; status: number; headers?: Record<string, string>; body?: string }
  /** The body ends after so many bytes of it, the connection is cut. */
  | { kind: 'truncate'; afterBytes: number }
  /** As much is promised as there is, but less comes and the answer ends in good order. */
  | { kind: 'short-length'; bytes: number }
  | { kind: 'etag'; etag: string }
  /** One bit of every body is another. */
  | { kind: 'corrupt' }
  | { kind: 'redirect'; location: string; status?: number }
  | { kind: 'drip'; bytes: number; everyMs: number }
  | { kind: 'endless' }
  | { kind: 'ignore-range' }
  | { kind: 'gzip' }
  | { kind: 'silence' }
  | { kind: 'json'; body: unknown };

/** Acts that replace the whole answer; true where it did. */
export function misbehave(act: Act, request: IncomingMessage, response: ServerResponse): boolean {
  switch (act.kind) {
    case 'status':
      response.writeHead(act.status, act.headers ?? {}).end(act.body ?? '');
      return true;
    case 'redirect':
      response.writeHead(act.status ?? 302, { location: act.location }).end();
      return true;
    case 'json':
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(act.body));
      return true;
    case 'silence':
      return true;
    case 'endless':
      pour(request, response);
      return true;
    default:
      return false;
  }
}

function pour(_request: IncomingMessage, response: ServerResponse): void {
  const piece = Buffer.alloc(65_536, ' ');
  const more = (): void => {
    while (!response.destroyed && response.write(piece));
    response.once('drain', more);
  };
  response.on('error', () => undefined);
  more();
}
