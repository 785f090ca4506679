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

/**
 * The Hub's token goes to the Hub's own router only; another address has a key of its own or none. Undefined: one that no
 * request can carry.
 */
function keyOf(parts: Parts, kind: ProviderKind | undefined, hubToken: string): string | undefined {
  if (parts.KEY !== undefined) return keyForm.schema.safeParse(parts.KEY).data;
  return kind === 'huggingface' && parts.URL === undefined ? hubToken : '';
}

function parseOne(
  prefix: string,
  parts: Parts,
  { hubToken, problems }: { hubToken: string; problems: string[] },
): ProviderConfig | null {
  const before = problems.length;
  const variable = `CORRAL_PROVIDER_${prefix}`;
  // A key alone is another one for the router that a Hub token opens, too.
  const isRouter = prefix === 'HF' && parts.URL === undefined;
  const usual = isRouter ? 'huggingface' : 'openai';
  const kind = providerKinds.find((candidate) => candidate === (parts.KIND ?? usual));
  if (!kind) problems.push(`${variable}_KIND is "${parts.KIND}"; allowed: ${providerKinds.join(', ')}`);
  const address = serviceAddress();
  const url = address.schema.safeParse(parts.URL ?? (kind === 'huggingface' ? hubRouter : ''));
  const seen = parts.URL === undefined ? 'missing' : `"${maskedAddress(parts.URL)}"`;
  if (!url.success) problems.push(`${variable}_URL is ${seen}; allowed: ${address.allowed}`);
  const key = keyOf(parts, kind, hubToken);
  if (key === undefined) problems.push(`${variable}_KEY is (hidden); allowed: ${keyForm.allowed}`);
  if (problems.length > before || !kind || !url.success || key === undefined) return null;
  return { name: prefix.toLowerCase().replaceAll('_', '-'), kind, url: url.data, key };
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
