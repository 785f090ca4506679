import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLocalHub } from '../../test/hub/local-hub.ts';
import { AppError } from '../contracts/app-error.ts';
import { silentLog } from '../lib/log.ts';
import { addressBytes, addressKind } from '../net/address.ts';
import { createHttpClient } from '../net/http-client.ts';
import { parseRetryAfter } from '../net/retry.ts';
import { appendDownloadJournal, readDownloadJournal } from './hub/download-journal.ts';
import { createHubClient } from './hub/hub-client.ts';
import { chooseGguf, ggufFiles } from './pull/gguf-choice.ts';
import { formatReference, parseReference } from './reference.ts';
import { Registry } from './registry/registry.ts';

const pieces = [
  'owner',
  'name',
  '/',
  '@',
  '+',
  ':',
  '*',
  '.',
  '..',
  '~',
  'q4_k_m',
  '.gguf',
  'hf',
  '%2f',
  '0.5',
  '-',
  ' ',
  '\0',
  '\\',
];
const referenceText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.array(fc.constantFrom(...pieces), { maxLength: 14 }).map((parts) => parts.join('')),
);

function onlyAppErrors<Value>(call: () => Value): Value | undefined {
  try {
    return call();
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    return undefined;
  }
}

describe('parsers of what people, files and servers say', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'corral-fuzz-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('references: an error of ours, or one spelling that means the same', () => {
    fc.assert(
      fc.property(referenceText, (text) => {
        const reference = onlyAppErrors(() => parseReference(text, { providers: ['hf'] }));
        if (reference === undefined) return;
        expect(parseReference(formatReference(reference), { providers: ['hf'] })).toEqual(reference);
      }),
      { numRuns: 4000 },
    );
  });

  it('addresses: bytes of 4 or 16, or nothing', () => {
    const text = fc.oneof(fc.ipV4(), fc.ipV6(), fc.ipV4Extended(), fc.string({ maxLength: 50 }));
    fc.assert(
      fc.property(text, (address) => {
        const bytes = addressBytes(address);
        if (bytes === undefined) return;
        expect([4, 16]).toContain(bytes.length);
        expect(addressKind(bytes)).toBeTypeOf('string');
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const words = Array.from({ length: 8 }, (_, at) =>
          (((bytes[2 * at] ?? 0) << 8) | (bytes[2 * at + 1] ?? 0)).toString(16),
        );
        expect(addressBytes(words.join(':'))).toEqual(bytes);
      }),
    );
  });

  it('Retry-After: milliseconds that are not negative, or nothing', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
        ),
        (text) => {
          expect(parseRetryAfter(text) ?? 0).toBeGreaterThanOrEqual(0);
        },
      ),
    );
  });

  it('names of GGUF files: a choice, or an error of ours', () => {
    const name = fc.oneof(
      fc.string({ maxLength: 80 }),
      fc.constantFrom('m-Q4_K_M.gguf', 'a/m.Q8_0.gguf', 'm-00001-of-00002.gguf'),
    );
    fc.assert(
      fc.property(
        fc.array(name, { maxLength: 6 }),
        fc.option(fc.string(), { nil: undefined }),
        (names, label) => {
          const files = ggufFiles(names.map((path) => ({ path, sizeBytes: 1 })));
          onlyAppErrors(() => chooseGguf('owner/name', files, label));
        },
      ),
    );
  });

  it('journals: what is whole counts, everything else is a start from nothing', async () => {
    const path = join(folder, 'journal');
    const file = { sizeBytes: 1000, sha256: 'a'.repeat(64) };
    const state = await readDownloadJournal(join(folder, 'none'), file);
    state.hasher.update('x'.repeat(500));
    await appendDownloadJournal(path, file, { ...state, doneBytes: 500 });
    const good = readFileSync(path);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.nat(good.length), async (noise, cut) => {
        writeFileSync(path, Buffer.concat([good.subarray(0, cut), noise]));
        const { doneBytes } = await readDownloadJournal(path, file);
        expect([0, 500]).toContain(doneBytes);
      }),
      { numRuns: 300 },
    );
  });

  it('manifests: a damaged one is left out', async () => {
    const registry = new Registry(folder, silentLog);
    mkdirSync(registry.paths.manifests, { recursive: true });
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.json(), fc.string()), async (text) => {
        writeFileSync(registry.paths.manifest('x'), text);
        expect(await registry.manifests()).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it('answers of a Hub: a snapshot, or an error of ours', async () => {
    const hub = await startLocalHub({ repositories: [{ id: 'owner/name', files: { 'config.json': '{}' } }] });
    const client = createHttpClient({ allowedHosts: hub.hosts, log: silentLog });
    const retry = { attempts: 1, baseMs: 1, capMs: 1, maxRetryAfterMs: 1 };
    const hubClient = createHubClient({ endpoint: hub.endpoint, token: '', offline: false, client, retry });
    const shaped = fc.record({
      id: fc.oneof(fc.string(), fc.constant('owner/name')),
      sha: fc.oneof(fc.string(), fc.constant('0'.repeat(40))),
      gated: fc.anything(),
      cardData: fc.anything(),
    });
    await fc.assert(
      fc.asyncProperty(fc.oneof(shaped, fc.jsonValue()), fc.jsonValue(), async (info, tree) => {
        hub.behave();
        hub.misbehave({ match: /revision/, act: { kind: 'json', body: info } });
        hub.misbehave({ match: /tree/, act: { kind: 'json', body: tree } });
        const outcome = await hubClient.snapshot({ id: 'owner/name' }).catch((error: unknown) => error);
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(AppError);
        else expect((outcome as { commit: string }).commit).toMatch(/^[0-9a-f]{40}$/);
      }),
      { numRuns: 150 },
    );
    await client.close();
    await hub.close();
  });
});
