import { readdir, readFile } from 'node:fs/promises';
import { z } from 'zod';
import { writeDurably } from '../../lib/durable-files.ts';
import type { ModelPaths } from '../registry/model-paths.ts';
import type { PullPlan } from './pull-plan.ts';

/** What a work folder is to become. Earlier releases kept no other spellings. */
const noteSchema = z.object({ id: z.string(), aliases: z.array(z.string()).default([]) });

export interface UnfinishedPull {
  key: string;
  id: string;
  /** The id, and the other spellings that would lead to it. */
  names: readonly string[];
}

/** Keeps in a work folder what it is to become. */
export async function notePull(
  paths: ModelPaths,
  key: string,
  { id, aliases }: Pick<PullPlan, 'id' | 'aliases'>,
): Promise<void> {
  const place = {
    folder: paths.pull(key),
    path: paths.inPull(key, 'pull.json'),
    aside: paths.inPull(key, 'pull.json.part'),
  };
  await writeDurably(place, JSON.stringify({ id, aliases }));
}

/** Pulls and conversions that are at work or were left. */
export async function unfinishedPulls(paths: ModelPaths): Promise<UnfinishedPull[]> {
  const found: UnfinishedPull[] = [];
  for (const key of await readdir(paths.pulls).catch(() => [])) {
    if (!/^[0-9a-f]{64}$/.test(key)) continue;
    const text = await readFile(paths.inPull(key, 'pull.json'), 'utf8').catch(() => '');
    const note = readNote(text);
    if (note !== undefined) found.push({ key, id: note.id, names: [note.id, ...note.aliases] });
  }
  return found;
}

function readNote(text: string): z.infer<typeof noteSchema> | undefined {
  try {
    return noteSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
