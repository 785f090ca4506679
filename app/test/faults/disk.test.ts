import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { nativeClient, type NativeClient } from '../fixtures/native-client.ts';
import { logName, ServerProcess, type ServerProcessOptions } from './server-process.ts';
import { whyNoDisk } from '../fixtures/small-disk.ts';

const megabyte = 1024 * 1024;
const patienceMs = 60_000;

interface Harm {
  name: string;
  options: Partial<ServerProcessOptions>;
  begin(server: ServerProcess): void;
  end(server: ServerProcess): void;
  refusal: RegExp;
}

const failing: Harm = {
  name: 'a disk that reports errors',
  options: {},
  begin: (server) => server.limitFileSize(4096),
  end: (server) => server.limitFileSize('unlimited'),
  refusal: /500 .*input-output/,
};

const full: Harm = {
  name: 'a full disk',
  options: { disk: 64 },
  begin(server) {
    fill(server.inside('ballast'), 4096);
    // The last page of the log has room of its own.
    fill(server.inside(logName), 1);
  },
  end: (server) => rmSync(server.inside('ballast')),
  refusal: /507 .*disk-full/,
};

const reason = whyNoDisk();
if (reason !== null)
  console.log(`neither a full nor a read-only disk is tried: this user may not mount one here (${reason})`);

/** Writes until not even `leastBytes` more fit; `path` leads into the server's own disk. */
function fill(path: string, leastBytes: number): void {
  for (let size = 16 * megabyte; size >= leastBytes;) {
    try {
      writeFileSync(path, Buffer.alloc(size), { flag: 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      size /= 2;
    }
  }
}

let folder: string;
let options: ServerProcessOptions;
let server: ServerProcess;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'corral-disk-'));
  const home = join(folder, 'home');
  mkdirSync(home);
  const environment = { HF_HUB_OFFLINE: 'true' };
  options = { home, clockFile: join(folder, 'clock'), environment };
});
afterEach(async () => {
  await server.kill();
  rmSync(folder, { recursive: true, force: true });
});

/** Nothing in such an answer can be what its format takes for the end of one. */
const onlyWords = 'root ::= [a-z ]+';

/** How a message is refused; empty: it is taken. */
async function answerTo(client: NativeClient): Promise<string> {
  const chatId = await client.newChat().catch(String);
  const said = await client.start(chatId, 'x'.repeat(100_000)).then(() => '', String);
  return / \/api\/chats\/Error/.test(said) ? chatId : said;
}

/** Whatever is left in half-filled pages is used up soon. */
async function refusalOf(client: NativeClient): Promise<string> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const said = await answerTo(client);
    if (said !== '') return said;
  }
  return 'never refused';
}

async function readiness(): Promise<number> {
  return (await fetch(`${server.address}/healthz/ready`)).status;
}

async function writesAgain(client: NativeClient): Promise<void> {
  const deadline = performance.now() + patienceMs;
  const ask = async () => client.ask(await client.newChat({ sampling: { maxNewTokens: 5 } }), 'after');
  while (
    !(await ask().then(
      () => true,
      () => false,
    ))
  )
    if (performance.now() > deadline) throw new Error('it does not write again');
}

test.each(reason === null ? [failing, full] : [failing])(
  '$name: new messages are refused with the reason, answers and reading go on, and so does writing without a restart',
  async (harm) => {
    server = await ServerProcess.start({ ...options, ...harm.options });
    const client = nativeClient(server.address);
    const chatId = await client.newChat({ sampling: { ignoreEos: true, grammar: onlyWords } });
    const { answer } = await client.ask(chatId, 'before', { sampling: { maxNewTokens: 20 } });
    const { runId, messageId } = await client.start(chatId, 'meanwhile', { sampling: { maxNewTokens: 200 } });
    harm.begin(server);
    expect(await refusalOf(client)).toMatch(harm.refusal);
    // Small writes, of the answer for one, may go on into what little is left. That makes it ready for no message: where
    // it comes to say so (the log was folded up, a file was given up: that makes room at any moment), one is taken. The
    // messages after that one fill the room, of which it learns by the one that it has to refuse.
    let unready = 0;
    let lastSaid = 'refused';
    for (let attempt = 0; attempt < 20; attempt++) {
      await client.newChat().catch(() => undefined);
      if ((await readiness()) === 503) {
        unready++;
        lastSaid = 'refused';
      } else {
        const said = await answerTo(client);
        if (lastSaid !== '') expect(said).toBe('');
        lastSaid = said;
      }
      await sleep(50);
    }
    expect(unready).toBeGreaterThan(0);
    const { messages } = await client.open(chatId);
    expect(messages.find(({ id }) => id === answer.id)?.content).toBe(answer.content);
    harm.end(server);
    // Of a full disk it finds out by itself; whether errors are over, only the next write tells.
    if (harm === full) await expect.poll(readiness, { timeout: patienceMs }).toBe(200);
    await writesAgain(client);
    expect(await readiness()).toBe(200);
    expect(await client.ended(runId)).toMatchObject({ endReason: 'length', error: null });
    const after = await client.open(chatId);
    expect(after.messages.slice(0, 2)).toEqual(messages.slice(0, 2));
    const meanwhile = after.messages.find(({ id }) => id === messageId);
    expect(meanwhile?.outcome?.usage?.completionTokens).toBe(200);
    expect((await server.stop()).code).toBe(0);
  },
);

if (reason === null)
  test('a read-only disk: the start is refused with what to do, and nothing is lost', async () => {
    server = await ServerProcess.start(options);
    const chatId = await nativeClient(server.address).newChat();
    await nativeClient(server.address).ask(chatId, 'before', { sampling: { maxNewTokens: 5 } });
    const before = await nativeClient(server.address).open(chatId);
    expect((await server.stop()).code).toBe(0);
    await expect(ServerProcess.start({ ...options, disk: 'read-only' })).rejects.toThrow(/CORRAL_HOME/);
    server = await server.again();
    expect((await nativeClient(server.address).open(chatId)).messages).toEqual(before.messages);
  });
