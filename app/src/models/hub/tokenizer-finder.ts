import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../../lib/clock.ts';
import { writeDurably } from '../../lib/durable-files.ts';
import type { Log } from '../../lib/log.ts';
import type { HubClient } from './hub-client.ts';
import type { HubSnapshot } from './hub-tree.ts';

/** The tokenizer of a repository, for models that are answered for elsewhere; null where the Hub has none. */
export type TokenizerFinder = (
  repository: string,
  signal: AbortSignal,
) => Promise<{ tokenizer: string; config: string; template: string | null } | null>;

export interface TokenizerFinderOptions {
  hub: HubClient;
  /** Where they are kept; made when the first one comes. */
  folder: string;
  isOffline: boolean;
  clock: Clock;
  log: Log;
}

/** The largest known tokenizers have 35 MB. */
const largestBytes = 48 << 20;
/** So long a kept answer holds, also that there is none. */
const keptMs = 7 * 24 * 3_600_000;
const unfoundMs = 3_600_000;

const filesSchema = z.object({ tokenizer: z.string(), config: z.string(), template: z.string().nullable() });
const keptSchema = z.object({ at: z.number(), files: filesSchema.nullable() });
type Kept = z.infer<typeof keptSchema>;

/** Asks the Hub and remembers for a week; never rejects, because an estimate does as well. */
export function createTokenizerFinder(options: TokenizerFinderOptions): TokenizerFinder {
  const { folder, clock, log, isOffline } = options;
  let serial = 0;
  async function keep(path: string, kept: Kept): Promise<void> {
    // Two chats may ask for one repository at once.
    const aside = `${path}.${(serial += 1)}.new`;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeDurably({ folder, path, aside }, JSON.stringify(kept));
  }
  return async (repository, signal) => {
    const name = createHash('sha256').update(repository).digest('hex');
    const path = join(folder, `${name}.json`);
    const kept = await readKept(path);
    const age = kept === null ? Number.POSITIVE_INFINITY : Math.abs(clock.now() - kept.at);
    if (kept && (isOffline || age < (kept.files ? keptMs : unfoundMs))) return kept.files;
    if (isOffline) return null;
    try {
      const files = await fetchFiles(options.hub, repository, signal);
      await keep(path, { at: clock.now(), files }).catch((error: unknown) =>
        log.warn({ repository, error: String(error) }, 'a tokenizer could not be kept'),
      );
      return files;
    } catch (error) {
      log.debug({ repository, error: String(error) }, 'the Hub gave no tokenizer');
      return kept?.files ?? null;
    }
  };
}

async function readKept(path: string): Promise<Kept | null> {
  try {
    return keptSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return null;
  }
}

async function fetchFiles(hub: HubClient, id: string, signal: AbortSignal): Promise<Kept['files']> {
  const snapshot = await hub.snapshot({ id }, { signal });
  const read = async (name: string): Promise<string | null> => readFileOf(hub, snapshot, { name, signal });
  const tokenizer = await read('tokenizer.json');
  if (tokenizer === null) return null;
  const [config, template] = await Promise.all([read('tokenizer_config.json'), read('chat_template.jinja')]);
  return { tokenizer, config: config ?? '{}', template };
}

async function readFileOf(
  hub: HubClient,
  snapshot: HubSnapshot,
  { name, signal }: { name: string; signal: AbortSignal },
): Promise<string | null> {
  const file = snapshot.files.find(({ path }) => path === name);
  if (!file || file.sizeBytes > largestBytes) return null;
  return (await hub.bytes(snapshot, file, { signal })).toString('utf8');
}
