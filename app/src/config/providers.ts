import { maxServiceKeyLength } from '../contracts/key-text.ts';
import { headerKey, maskedAddress, serviceAddress } from './forms.ts';

export const providerKinds = ['huggingface', 'tgi', 'openai'] as const;
export type ProviderKind = (typeof providerKinds)[number];

export interface ProviderConfig {
  /** The word before the colon in `provider:model`. */
  name: string;
  kind: ProviderKind;
  url: string;
  /** Empty where the service asks for none. */
  key: string;
}

const variable = /^CORRAL_PROVIDER_([A-Z][A-Z0-9_]*)_(URL|KEY|KIND)$/;
const hubRouter = 'https://router.huggingface.co';

export function isProviderVariable(name: string): boolean {
  return variable.test(name);
}

type Parts = Partial<Record<'URL' | 'KEY' | 'KIND', string>>;

function collect(values: ReadonlyMap<string, string>): Map<string, Parts> {
  const byPrefix = new Map<string, Parts>();
  for (const [key, value] of values) {
    const match = variable.exec(key);
    if (!match) continue;
    const prefix = match[1] ?? '';
    byPrefix.set(prefix, { ...byPrefix.get(prefix), [match[2] as keyof Parts]: value });
  }
  return byPrefix;
}

const keyForm = headerKey(1, maxServiceKeyLength);

interface Reading {
  parts: Parts;
  kind: ProviderKind | undefined;
  /** What the names of its variables begin with. */
  variable: string;
  hubToken: string;
  problems: string[];
}

/** Undefined: a problem. */
function addressOf({ parts, kind, variable, problems }: Reading): string | undefined {
  const form = serviceAddress();
  const url = form.schema.safeParse(parts.URL ?? (kind === 'huggingface' ? hubRouter : '')).data;
  const seen = parts.URL === undefined ? 'missing' : `"${maskedAddress(parts.URL)}"`;
  if (url === undefined) problems.push(`${variable}_URL is ${seen}; allowed: ${form.allowed}`);
  return url;
}

/** The Hub's token goes to the Hub's own router only; another address has a key of its own or none. Undefined: a problem. */
function keyOf({ parts, kind, variable, hubToken, problems }: Reading): string | undefined {
  if (parts.KEY === undefined) return kind === 'huggingface' && parts.URL === undefined ? hubToken : '';
  const key = keyForm.schema.safeParse(parts.KEY).data;
  if (key === undefined) problems.push(`${variable}_KEY is (hidden); allowed: ${keyForm.allowed}`);
  return key;
}

function parseOne(
  prefix: string,
  parts: Parts,
  context: { hubToken: string; problems: string[] },
): ProviderConfig | null {
  const variable = `CORRAL_PROVIDER_${prefix}`;
  // A key alone is another one for the router that a Hub token opens, too.
  const isRouter = prefix === 'HF' && parts.URL === undefined;
  const usual = isRouter ? 'huggingface' : 'openai';
  const kind = providerKinds.find((candidate) => candidate === (parts.KIND ?? usual));
  if (!kind)
    context.problems.push(`${variable}_KIND is "${parts.KIND}"; allowed: ${providerKinds.join(', ')}`);
  const reading = { parts, kind, variable, ...context };
  const [url, key] = [addressOf(reading), keyOf(reading)];
  if (!kind || url === undefined || key === undefined) return null;
  return { name: prefix.toLowerCase().replaceAll('_', '-'), kind, url, key };
}

/**
 * Providers from `CORRAL_PROVIDER_<NAME>_URL|_KEY|_KIND`. `hf` is there as soon as there is a Hub token.
 * What is wrong is added to `problems`, one sentence each.
 */
export function parseProviders(
  values: ReadonlyMap<string, string>,
  hubToken: string,
  problems: string[],
): ProviderConfig[] {
  const providers = [...collect(values)]
    .map(([prefix, parts]) => parseOne(prefix, parts, { hubToken, problems }))
    .filter((provider) => provider !== null);
  if (hubToken !== '' && !providers.some((provider) => provider.name === 'hf')) {
    providers.unshift({ name: 'hf', kind: 'huggingface', url: hubRouter, key: hubToken });
  }
  return providers;
}
