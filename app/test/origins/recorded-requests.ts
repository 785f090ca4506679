import { createServer, request as forward } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A wire that is listened to: everything goes on to `target`, and what was asked is kept. */
export interface RecordedRequests {
  url: string;
  /** `inputs` of every request that had some. */
  prompts(): string[];
  /** What was sent as authorization, each once. */
  keys(): string[];
  close(): Promise<void>;
}

export async function recordRequests(target: string): Promise<RecordedRequests> {
  const { hostname, port, host } = new URL(target);
  const bodies: string[] = [];
  const keys = new Set<string>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    keys.add(request.headers.authorization ?? 'none');
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      bodies.push(body.toString('utf8'));
      const { method, url: path, headers } = request;
      const onward = forward({ hostname, port, method, path, headers: { ...headers, host } }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      onward.on('error', () => response.destroy());
      response.on('close', () => onward.destroy());
      onward.end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    prompts: () =>
      bodies.flatMap((body) => {
        const inputs = body === '' ? undefined : (JSON.parse(body) as { inputs?: string }).inputs;
        return inputs === undefined ? [] : [inputs];
      }),
    keys: () => [...keys],
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
