import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { Client } from '@gradio/client';
import { createParser } from 'eventsource-parser';
import { Agent, request as send } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StreamEvent } from '../../src/contracts/api/streams.ts';
import { rawRequest, statusOf } from '../fixtures/raw-request.ts';
import { startServer, type RunningServer } from '../fixtures/running-server.ts';

let running: RunningServer;
beforeAll(async () => {
  running = await startServer({ script: { tokensPerSecond: 200 } });
});
afterAll(() => running.close());

/** Reads the events of a stream as they come. */
async function* read(url: string, signal?: AbortSignal): AsyncGenerator<StreamEvent> {
  const answer = await fetch(url, signal ? { signal } : {});
  if (!answer.body) return;
  const ready: StreamEvent[] = [];
  const parser = createParser({ onEvent: ({ data }) => ready.push(JSON.parse(data) as StreamEvent) });
  const decoder = new TextDecoder();
  for await (const chunk of answer.body) {
    parser.feed(decoder.decode(chunk as Uint8Array, { stream: true }));
    yield* ready.splice(0);
  }
}

async function startRun(content: string): Promise<{ chatId: string; runId: string }> {
  const chat = await running.chats.create('owner', {});
  const { body } = await running.call('POST', `/api/chats/${chat.id}/runs`, {
    input: { kind: 'message', content },
  });
  return { chatId: chat.id, runId: String(body['runId']) };
}

describe('the stream of a tab', () => {
  test('carries several runs, notices of chats, and goes on where a reader left', async () => {
    const { body } = await running.call('POST', '/api/streams');
    const at = `/api/streams/${String(body['streamId'])}`;
    const [first, second] = [await startRun('/long 60'), await startRun('/long 60')];
    const texts = new Map<string, string>([
      [first.runId, ''],
      [second.runId, ''],
    ]);
    const seen = new Set<string>();
    const add = (event: StreamEvent): void => {
      seen.add(event.type);
      if (event.type !== 'text') return;
      const text = texts.get(event.runId) ?? '';
      expect(event.offset).toBe(text.length);
      texts.set(event.runId, text + event.text);
    };
    const leaving = new AbortController();
    const leave = async (): Promise<void> => {
      for await (const event of read(running.address + at, leaving.signal)) {
        if (event.type === 'hello') {
          for (const runId of texts.keys()) await running.call('PUT', `${at}/runs/${runId}?from=0`);
        }
        add(event);
        if ([...texts.values()].every((text) => text.length > 20)) leaving.abort();
      }
    };
    await expect(leave()).rejects.toThrow();
    let ends = 0;
    for await (const event of read(running.address + at)) {
      if (event.type === 'hello') {
        for (const [runId, text] of texts)
          await running.call('PUT', `${at}/runs/${runId}?from=${text.length}&epoch=1`);
      }
      add(event);
      if (event.type === 'end') ends++;
      if (ends === 2) break;
    }
    for (const { chatId, runId } of [first, second]) {
      const { messages } = await running.chats.open('owner', chatId);
      expect(texts.get(runId)).toBe(messages[1]?.content);
    }
    expect(seen).toContain('run-changed');
  });

  test('a run that is not there is told as unwatched; a stream that is not there is 404', async () => {
    const { body } = await running.call('POST', '/api/streams');
    const at = `/api/streams/${String(body['streamId'])}`;
    const unknown = '01890000-0000-7000-8000-000000000000';
    for await (const event of read(running.address + at)) {
      if (event.type === 'hello') await running.call('PUT', `${at}/runs/${unknown}`);
      if (event.type === 'unwatched') {
        expect(event).toMatchObject({ runId: unknown, error: { code: 'not-found' } });
        break;
      }
    }
    expect((await running.call('GET', `/api/streams/${unknown}`)).status).toBe(404);
    expect((await running.call('DELETE', at)).status).toBe(204);
    expect((await running.call('PUT', `${at}/runs/${unknown}`)).status).toBe(404);
  });

  test('a reader that stops reading holds up nobody and costs a bounded buffer', async () => {
    const { chatId, runId } = await startRun('/long 400');
    const stalled = rawRequest(
      running.address,
      `GET /api/runs/${runId}/events HTTP/1.1\r\nHost: localhost\r\n\r\n`,
      300,
    );
    let text = '';
    for await (const event of read(`${running.address}/api/runs/${runId}/events`)) {
      if (event.type === 'text') text += event.text;
    }
    await stalled;
    const { messages } = await running.chats.open('owner', chatId);
    expect(text).toBe(messages[1]?.content);
  });
});

describe('stopping', () => {
  test('tells tabs, refuses what is new, takes less than 20 s, and the next start goes on', async () => {
    const root = mkdtempSync(join(tmpdir(), 'corral-stopping-'));
    const stopping = await startServer({ root, script: { tokensPerSecond: 20 } });
    const chat = await stopping.chats.create('owner', {});
    const { runs } = await stopping.chats.run('owner', chat.id, {
      input: { kind: 'message', content: '/long 2000' },
    });
    let shown = '';
    const watching = (async () => {
      for await (const event of stopping.chats.watch('owner', runs[0]!.id, {
        from: 0,
        signal: new AbortController().signal,
      })) {
        if (event.type === 'text') shown += event.text;
      }
    })();
    const { body } = await stopping.call('POST', '/api/streams');
    const events: string[] = [];
    const tab = (async () => {
      for await (const event of read(`${stopping.address}/api/streams/${String(body['streamId'])}`))
        events.push(event.type);
    })();
    const answering = stopping
      .call('POST', '/v1/completions', { prompt: '/long 2000', max_tokens: 2000 })
      .catch(() => null);
    await expect.poll(() => events.includes('hello') && shown !== '', { timeout: 60_000 }).toBe(true);
    const started = performance.now();
    const stop = stopping.server.close();
    const late = await stopping.call('GET', '/api/chats').catch(() => null);
    expect(late === null || late.status === 503).toBe(true);
    await stop;
    expect(performance.now() - started).toBeLessThan(20_000);
    await Promise.all([tab.catch(() => undefined), answering]);
    expect(events).toContain('closing');
    await stopping.close();
    await watching;

    const next = await startServer({ root });
    const isOver = async () => (await next.chats.getRun('owner', runs[0]!.id)).phase;
    await expect.poll(isOver, { timeout: 60_000 }).toBe('ended');
    const [, answer] = (await next.chats.open('owner', chat.id)).messages;
    expect(answer?.content.startsWith(shown)).toBe(true);
    expect(answer?.content.length).toBeGreaterThan(shown.length);
    await next.close();
    rmSync(root, { recursive: true, force: true });
  });

  test('what it cuts is an error in every dialect, never half an answer as a whole one', async () => {
    const stopping = await startServer({ script: { tokensPerSecond: 20, slots: 16 } });
    const loading = await startServer({ script: { loadMs: 600_000 } });
    const long = '/long 2000';
    const messages = [{ role: 'user', content: long }];
    // The second waits behind the first.
    const calls: Response[] = [];
    for (const data of [[long], [long]]) {
      const { body } = await stopping.call('POST', '/gradio_api/call/chat', { data, session_hash: 'same' });
      calls.push(await fetch(`${stopping.address}/gradio_api/call/chat/${String(body['event_id'])}`));
    }
    const client = await Client.connect(stopping.address, { events: ['data', 'status'] });
    let shown = '';
    let shownEnd: unknown;
    const showing = (async () => {
      for await (const event of client.submit('/chat', [long])) {
        if (event.type === 'data') shown = String(event.data[0]);
        else if (event.type === 'status') shownEnd = event;
      }
    })();
    const ask = (path: string, body: object) => stopping.call('POST', path, body);
    const wholes = [
      ask('/v1/chat/completions', { messages }),
      ask('/generate', { inputs: long }),
      ask('/gradio_api/run/chat', { data: [long] }),
      loading.call('POST', '/v1/chat/completions', { messages }),
      loading.call('POST', '/v1/embeddings', { input: long }),
      loading.call('POST', '/tokenize', { inputs: long }),
    ];
    const streams = [
      ask('/v1/chat/completions', { messages, stream: true }),
      ask('/v1/completions', { prompt: long, stream: true }),
      ask('/generate_stream', { inputs: long }),
    ].map(async (answer) => (await answer).text);
    const users = ({ engines }: RunningServer) => engines.loaded()[0]?.users;
    await expect
      .poll(() => [shown !== '', users(stopping), users(loading)], { timeout: 60_000 })
      .toEqual([true, 8, 3]);
    await Promise.all([stopping.close(), loading.close()]);

    const reason = 'the server is stopping and leaves this answer unfinished';
    for (const { status, text } of await Promise.all(wholes)) {
      expect({ status, text }).toEqual({ status: 503, text: expect.stringContaining(reason) as unknown });
    }
    for (const text of await Promise.all([...streams, ...calls.map((call) => call.text())])) {
      expect(text).toContain(reason);
      expect(text).not.toMatch(/"finish_reason":"|event: complete/);
    }
    await showing;
    expect(shownEnd).toMatchObject({ stage: 'error', message: expect.stringContaining(reason) as unknown });
  });
});

describe('inside the process', () => {
  test('the same API answers commands without a port', async () => {
    const own = await startServer({ environment: { CORRAL_ACCESS_KEY: 'a-right-access-key-0123456789' } });
    const { status, body } = await own.server.handle('POST', '/api/chats', {
      headers: { 'content-type': 'application/json' },
      body: '{"title":"from a command"}',
    });
    let text = '';
    for await (const chunk of body) text += Buffer.from(chunk).toString();
    expect([status, JSON.parse(text)]).toMatchObject([201, { title: 'from a command' }]);
    const chat = JSON.parse(text) as { id: string };
    const { runs } = await own.chats.run('owner', chat.id, {
      input: { kind: 'message', content: '/say hi' },
    });
    const events = await own.server.handle('GET', `/api/runs/${runs[0]!.id}/events`, { headers: {} });
    let stream = '';
    for await (const chunk of events.body) stream += Buffer.from(chunk).toString();
    expect(stream).toContain('event: end');
    await own.close();
  });
});

test('slowloris: half a head is closed, and others are answered meanwhile', { timeout: 30_000 }, async () => {
  const started = performance.now();
  const slow = rawRequest(running.address, 'GET / HTTP/1.1\r\nHost: localhost\r\n', 20_000);
  expect((await running.call('GET', '/healthz')).status).toBe(200);
  expect(statusOf(await slow)).toBe(408);
  expect(performance.now() - started).toBeLessThan(16_000);
});

describe('https', () => {
  const key = 'a-right-access-key-0123456789';
  const environment = {
    CORRAL_HTTPS: 'true',
    CORRAL_ACCESS_KEY: key,
    CORRAL_ALLOWED_HOSTS: 'chat.lan',
  };

  /** What a browser is shown before it trusts anything. */
  async function shown({
    address,
  }: RunningServer): Promise<{ fingerprint256: string; subjectaltname?: string }> {
    const { hostname, port } = new URL(address);
    const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const certificate = socket.getPeerCertificate();
    socket.destroy();
    return certificate;
  }

  test('makes a certificate for its names, keeps it, and takes a given one', async () => {
    const root = mkdtempSync(join(tmpdir(), 'corral-https-'));
    const first = await startServer({ root, environment });
    expect(first.address).toMatch(/^https:/);
    const made = await shown(first);
    for (const name of ['DNS:localhost', 'DNS:chat.lan', 'IP Address:127.0.0.1']) {
      expect(made.subjectaltname).toContain(name);
    }
    const files = ['certificate.pem', 'key.pem'].map((name) => join(first.config.home, 'tls', name));
    for (const file of files) expect(statSync(file).mode & 0o777).toBe(0o600);
    await first.close();

    const [certificate = '', privateKey = ''] = files;
    const given = { CORRAL_TLS_CERTIFICATE: certificate, CORRAL_TLS_KEY: privateKey };
    for (const second of [
      await startServer({ root, environment }),
      await startServer({ environment: { ...environment, ...given } }),
    ]) {
      expect((await shown(second)).fingerprint256).toBe(made.fingerprint256);
      await second.close();
    }
    await expect(
      startServer({ environment: { ...environment, CORRAL_TLS_CERTIFICATE: certificate } }),
    ).rejects.toMatchObject({ code: 'config-invalid' });
    rmSync(root, { recursive: true, force: true });
  });

  test('the session is a cookie of this host alone, sent over https alone', async () => {
    const secure = await startServer({ environment });
    const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
    const answer = await send(`${secure.address}/api/session`, {
      dispatcher,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ key }),
    });
    expect(answer.statusCode).toBe(204);
    expect(answer.headers['set-cookie']).toMatch(
      /^__Host-corral-\d+=[^;]+; Path=\/; HttpOnly; SameSite=Strict; Secure; Max-Age=\d+$/,
    );
    await dispatcher.close();
    await secure.close();
  });
});
