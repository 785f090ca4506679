import { z } from 'zod';
import type { HttpResponse } from '../../net/http-client.ts';
import { type HubCall, type HubCallOptions, invalidAnswer, type JsonAnswer } from './hub-call.ts';
import type { HubContext } from './hub-errors.ts';

/** One commit of a repository, and what is in it. */
export interface HubSnapshot {
  id: string;
  revision: string;
  commit: string;
  isGated: boolean;
  licence: string | null;
  baseModel: string | null;
  files: readonly HubFileEntry[];
}

export interface HubFileEntry {
  /** A plain path: no `..`, backslash, percent sign or control character; names that are not are left out. */
  path: string;
  sizeBytes: number;
  /** Of files that are stored apart (LFS, Xet). */
  sha256?: string;
  /** Git's hash of a file that is stored in the repository itself. */
  gitOid: string;
}

/** The largest repositories have some thousands of files. */
const maxFiles = 20_000;
const maxPages = 1000;
const plainPath = /^(?!\/)(?!.*(?:^|\/)\.{1,2}(?:\/|$))(?!.*\/\/)[^\\%\p{Cc}]{1,1024}(?<!\/)$/u;

const infoSchema = z.looseObject({
  id: z.string().max(200),
  sha: z.string().regex(/^[0-9a-f]{40}$/),
  gated: z.union([z.boolean(), z.string()]).optional(),
  cardData: z
    .looseObject({
      license: z.union([z.string(), z.array(z.string())]).optional(),
      base_model: z.union([z.string(), z.array(z.string())]).optional(),
    })
    .nullish(),
});
const treeSchema = z
  .array(
    z.looseObject({
      type: z.string(),
      path: z.string(),
      size: z.number().nonnegative(),
      oid: z.string(),
      lfs: z
        .looseObject({ oid: z.string().regex(/^[0-9a-f]{64}$/), size: z.number().nonnegative() })
        .nullish(),
    }),
  )
  .max(maxFiles);

/** What the Hub says about a revision: the commit it is now, its gate and licence. */
export async function readInfo(
  call: HubCall,
  path: string,
  { context, callOptions }: ListOptions,
): Promise<Omit<HubSnapshot, 'files' | 'id' | 'revision'>> {
  const url = `${path}/revision/${encodeURIComponent(context.revision)}`;
  const { body } = parse(infoSchema, await call.json(url, context, callOptions));
  return {
    commit: body.sha,
    isGated: body.gated !== undefined && body.gated !== false,
    licence: first(body.cardData?.license),
    baseModel: first(body.cardData?.base_model),
  };
}

export interface ListOptions {
  context: HubContext;
  callOptions: HubCallOptions;
}

/** Every file of a commit, over all pages. */
export async function listFiles(
  call: HubCall,
  start: string,
  { context, callOptions }: ListOptions,
): Promise<HubFileEntry[]> {
  const files: HubFileEntry[] = [];
  let url: string | undefined = start;
  for (let pages = 0; url !== undefined; pages += 1) {
    if (pages > maxPages) throw invalidAnswer('its list of files never ends');
    const page: { body: z.infer<typeof treeSchema>; headers: HttpResponse['headers'] } = parse(
      treeSchema,
      await call.json(url, context, callOptions),
    );
    files.push(...page.body.flatMap(toEntry));
    if (files.length > maxFiles) throw invalidAnswer(`${context.repository} has more than ${maxFiles} files`);
    const next: string | undefined = /<([^>]+)>;\s*rel="next"/.exec(page.headers['link'] ?? '')?.[1];
    url = next === undefined ? undefined : sameOrigin(next, start);
  }
  return files;
}

function toEntry({ type, path, size, oid, lfs }: z.infer<typeof treeSchema>[number]): HubFileEntry[] {
  if (type !== 'file' || !plainPath.test(path)) return [];
  const stored = lfs ? { sha256: lfs.oid } : {};
  return [{ path, sizeBytes: lfs?.size ?? size, gitOid: oid, ...stored }];
}

/** A next page is asked from the Hub itself, whatever host it names. */
function sameOrigin(next: string, start: string): string {
  const url = URL.parse(next, start);
  if (url?.origin !== new URL(start).origin) throw invalidAnswer('a page of the file list is somewhere else');
  return url.href;
}

function parse<Schema extends z.ZodType>(
  schema: Schema,
  answer: JsonAnswer,
): { body: z.infer<Schema>; headers: HttpResponse['headers'] } {
  const result = schema.safeParse(answer.body);
  if (!result.success) throw invalidAnswer('its answer has another form than the Hub’s');
  return { body: result.data, headers: answer.headers };
}

function first(value: string | string[] | undefined): string | null {
  return (Array.isArray(value) ? value[0] : value) ?? null;
}
