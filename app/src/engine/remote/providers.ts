import { isDeepStrictEqual } from 'node:util';
import type { ProviderConfig } from '../../config/providers.ts';
import type { Provider } from '../../contracts/api/providers.ts';
import { AppError } from '../../contracts/app-error.ts';
import { soleOwner } from '../../contracts/owner.ts';
import type { Clock } from '../../lib/clock.ts';
import type { KeptProvider, ProviderStore } from '../../store/provider-store.ts';
import { describeProvider } from './describe-provider.ts';
import type { RemoteProvider } from './remote-provider.ts';
import type { Sealer } from './sealed-key.ts';
import { ServiceConnection } from './service-connection.ts';
import type { ServiceClientOptions } from './service-client.ts';

/** All services that answer for models elsewhere: those of the operator, and those added in the page. */
export interface Providers {
  /** Reads what was added in the page. Call once, before the first request. */
  start(): Promise<void>;
  names(): string[];
  /** Every key there is, for what must hide them. */
  keys(): string[];
  /** Throws `provider-unknown`. */
  connection(name: string): ServiceConnection;
  list(): Promise<Provider[]>;
  /**
   * Models as `provider:model`. Of all services: those that answer soon, the others' own state says why not, and
   * `onChange` when they have answered. Of one: rejects where it does not answer.
   */
  models(provider?: string): Promise<{ id: string; provider: string }[]>;
  /** Asks the service now. Rejects with what is wrong. */
  check(name: string): Promise<{ provider: Provider; models: string[] }>;
  save(owner: string, name: string, given: GivenProvider): Promise<Provider>;
  remove(owner: string, name: string): Promise<void>;
  /** Hears when a service lists other models than before, so that who listed them can look again. Gives back what ends that. */
  onChange(listener: () => void): () => void;
  close(): Promise<void>;
}

export interface GivenProvider {
  kind: Provider['kind'];
  url: string;
  /** Absent: the one it has; null: none. */
  key?: string | null;
}

export interface ProvidersOptions extends ServiceClientOptions {
  configured: readonly ProviderConfig[];
  store: ProviderStore;
  sealer: Sealer;
  clock: Clock;
  /** A service is about to be spoken to in another way, or not at all: its engines have to go. */
  onGone: (name: string) => Promise<void>;
}

/** A page that lists models does not wait longer for a slow service. */
const listWaitMs = 3000;

export function createProviders(options: ProvidersOptions): Providers {
  return new ProviderRegistry(options);
}

class ProviderRegistry implements Providers {
  readonly #options: ProvidersOptions;
  readonly #connections = new Map<string, ServiceConnection>();
  readonly #listeners = new Set<() => void>();

  constructor(options: ProvidersOptions) {
    this.#options = options;
    for (const provider of options.configured)
      this.#connect({ ...provider, from: 'environment', keyProblem: null });
  }

  start(): Promise<void> {
    return this.#sync();
  }

  names(): string[] {
    return [...this.#connections.keys()];
  }

  keys(): string[] {
    return [...this.#connections.values()].map(({ provider }) => provider.key).filter((key) => key !== '');
  }

  connection(name: string): ServiceConnection {
    const found = this.#connections.get(name);
    if (found) return found;
    const names = this.names().join(', ');
    throw new AppError('provider-unknown', `There is no provider "${name.slice(0, 64)}".`, {
      hint: names === '' ? 'None is set up yet; docs/providers.md says how.' : `There are: ${names}.`,
      details: { provider: name },
    });
  }

  async list(): Promise<Provider[]> {
    await this.#sync();
    return [...this.#connections.values()].map(describeProvider);
  }

  async models(provider?: string): Promise<{ id: string; provider: string }[]> {
    if (provider !== undefined) return this.#modelsOf(this.connection(provider));
    const deadline = AbortSignal.timeout(listWaitMs);
    const found = await Promise.all(
      [...this.#connections.values()].map(async (connection) =>
        soon(this.#modelsOf(connection), deadline).catch(() => []),
      ),
    );
    return found.flat();
  }

  async check(name: string): Promise<{ provider: Provider; models: string[] }> {
    const connection = this.connection(name);
    const { models } = await connection.refresh();
    return { provider: describeProvider(connection), models: models.map(({ id }) => id) };
  }

  async save(owner: string, name: string, given: GivenProvider): Promise<Provider> {
    const before = this.#connections.get(name)?.provider;
    if (before?.from === 'environment') throw locked(name);
    const url = given.url.replace(/\/+$/, '');
    const key = keptKey(before, { ...given, url });
    const sealedKey = key === '' ? null : this.#options.sealer.seal(key, contextOf(name, url));
    await this.#options.store.saveProvider(owner, { name, kind: given.kind, url, sealedKey });
    await this.#disconnect(name);
    return describeProvider(
      this.#connect({ name, kind: given.kind, url, key, from: 'page', keyProblem: null }),
    );
  }

  async remove(owner: string, name: string): Promise<void> {
    const { provider } = this.connection(name);
    if (provider.from === 'environment') throw locked(name);
    await this.#options.store.deleteProvider(owner, name);
    await this.#disconnect(name);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#connections.values()].map((connection) => connection.close()));
  }

  /** Rows may have changed under us: a backup was put back, everything was erased, another process wrote. */
  async #sync(): Promise<void> {
    const rows = await this.#options.store.listProviders(soleOwner);
    for (const { provider } of this.#connections.values()) {
      const isKept = provider.from === 'environment' || rows.some((row) => row.name === provider.name);
      if (!isKept) await this.#disconnect(provider.name);
    }
    for (const row of rows) {
      const opened = this.#opened(row);
      const known = this.#connections.get(row.name)?.provider;
      // The operator's word holds where both name the same.
      if (known?.from === 'environment' || isDeepStrictEqual(known, opened)) continue;
      await this.#disconnect(row.name);
      this.#connect(opened);
    }
  }

  async #modelsOf(connection: ServiceConnection): Promise<{ id: string; provider: string }[]> {
    const { name } = connection.provider;
    const { models } = await connection.listing();
    return models.map(({ id }) => ({ id: `${name}:${id}`, provider: name }));
  }

  #opened({ name, kind, url, sealedKey }: KeptProvider): RemoteProvider {
    const key = sealedKey === null ? '' : this.#options.sealer.open(sealedKey, contextOf(name, url));
    const keyProblem =
      key === null
        ? `The key of ${name} was sealed on another machine or changed, and cannot be opened here. Enter it again.`
        : null;
    return { name, kind, url, key: key ?? '', from: 'page', keyProblem };
  }

  #connect(provider: RemoteProvider): ServiceConnection {
    const onListed = (): void => {
      for (const listener of this.#listeners) listener();
    };
    const connection = new ServiceConnection(provider, { ...this.#options, onListed });
    this.#connections.set(provider.name, connection);
    return connection;
  }

  async #disconnect(name: string): Promise<void> {
    const connection = this.#connections.get(name);
    if (!connection) return;
    this.#connections.delete(name);
    await this.#options.onGone(name);
    await connection.close();
  }
}

/** Whoever may change an address must not be able to send a kept key to it. */
function keptKey(before: RemoteProvider | undefined, given: GivenProvider): string {
  if (given.key !== undefined) return given.key ?? '';
  if (before?.keyProblem)
    throw new AppError(
      'bad-request',
      `The key of ${before.name} cannot be opened here, so it would be lost.`,
      {
        hint: 'Enter the key again, or null for none; with the seal.key of the machine it comes from, it can be opened.',
        details: { field: 'key' },
      },
    );
  if (before === undefined || before.key === '') return '';
  if (new URL(before.url).origin === new URL(given.url).origin) return before.key;
  throw new AppError(
    'bad-request',
    `${before.name} gets another address, so its key has to be given again.`,
    {
      hint: 'A kept key is never sent to another host. Enter the key of the new one, or null for none.',
      details: { field: 'key' },
    },
  );
}

function contextOf(name: string, url: string): string {
  return `${name} ${new URL(url).origin}`;
}

function locked(name: string): AppError {
  return new AppError('conflict', `${name} is set in the environment of this server.`, {
    hint: `Change CORRAL_PROVIDER_${name.toUpperCase().replaceAll('-', '_')}_URL, _KEY or _KIND in .env and start again.`,
  });
}

async function soon<Value>(promise: Promise<Value>, deadline: AbortSignal): Promise<Value> {
  return Promise.race([
    promise,
    new Promise<never>((_, reject) => {
      deadline.addEventListener('abort', () => reject(new Error('too slow')), { once: true });
    }),
  ]);
}
