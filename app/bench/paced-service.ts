/**
 * A vLLM in its wire format that streams at a given pace, in a process of its own:
 * `node paced-service.ts TOKENS_PER_SECOND`. All streams share one clock tick, so that its own cost stays small.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const rate = Number(process.argv[2] ?? 50);
const model = 'bench/model';

const chunk = (delta: object, finish: string | null = null): string =>
  `data: ${JSON.stringify({
    id: 'chatcmpl-8f0c',
    object: 'chat.completion.chunk',
    created: 1_764_000_000,
    model,
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
  })}\n\n`;
const [opening, word, closing] = [
  chunk({ role: 'assistant', content: '' }),
  chunk({ content: ' word' }),
  chunk({ content: '' }, 'stop'),
];

interface Stream {
  response: ServerResponse;
  wanted: number;
  sent: number;
  startedAt: number;
}
const streams = new Set<Stream>();

function usage(tokens: number): string {
  const counts = { prompt_tokens: 9, completion_tokens: tokens, total_tokens: tokens + 9 };
  return `data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', model, choices: [], usage: counts })}\n\n`;
}

/** One frame a token, as the service would; what is late comes in the next tick. */
function send(stream: Stream, now: number): void {
  const due = Math.min(stream.wanted, 1 + Math.floor(((now - stream.startedAt) * rate) / 1000));
  for (; stream.sent < due; stream.sent++) stream.response.write(word);
  if (stream.sent < stream.wanted) return;
  streams.delete(stream);
  stream.response.end(`${closing}${usage(stream.sent)}data: [DONE]\n\n`);
}

setInterval(() => {
  const now = performance.now();
  for (const stream of streams) send(stream, now);
}, 2);

const server = createServer((request, response) => {
  if (request.method === 'GET') {
    const data = [{ id: model, object: 'model', owned_by: 'vllm', max_model_len: 32_768 }];
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ object: 'list', data }));
    return;
  }
  let text = '';
  request.setEncoding('utf8');
  request.on('data', (piece: string) => (text += piece));
  request.on('end', () => {
    const { max_tokens: wanted } = JSON.parse(text) as { max_tokens: number };
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.socket?.setNoDelay(true);
    response.write(opening);
    const stream = { response, wanted, sent: 0, startedAt: performance.now() };
    streams.add(stream);
    response.once('close', () => streams.delete(stream));
    send(stream, stream.startedAt);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
