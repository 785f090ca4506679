import type { ProviderConfig } from '../../config/providers.ts';

/** A service that answers, as the operator or a person named it. */
export interface RemoteProvider extends ProviderConfig {
  /** Where the key can be changed; decides what a refused key is answered with. */
  from: 'environment' | 'page';
  /** Why the kept key cannot be used; null where it can, or there is none. */
  keyProblem: string | null;
}

/** One model of a service's list, and what the list says of it. */
export interface ServiceModel {
  /** As the service calls it. */
  id: string;
  /** Null where the service does not say. */
  contextTokens: number | null;
  /** The same by the name of each service behind it, where this is a router that tells them. */
  contextsBehind?: ReadonlyMap<string, number>;
  /** `owned_by` of the OpenAI dialect: several servers give themselves away by it. */
  ownedBy: string;
  /** Fields of the OpenAI dialect that this model takes, where the service says so. */
  parameters: readonly string[] | null;
}

export interface Deadlines {
  /** From dialling to a connection. */
  connectMs: number;
  /** From sending a request to the first piece of the answer; a service may load a model meanwhile. */
  firstMs: number;
  /** Between two pieces of the answer; comments that only keep the line open do not count. */
  idleMs: number;
  /** For lists and other short answers as a whole. */
  shortMs: number;
}

export const defaultDeadlines: Deadlines = {
  connectMs: 10_000,
  firstMs: 300_000,
  idleMs: 90_000,
  shortMs: 10_000,
};

/** `127.0.0.1:8000`: enough to tell one service from another, and never a secret. */
export function hostOf(provider: Pick<RemoteProvider, 'url'>): string {
  return new URL(provider.url).host;
}
