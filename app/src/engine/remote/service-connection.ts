import { isDeepStrictEqual } from 'node:util';
import { AppError, toAppError } from '../../contracts/app-error.ts';
import type { Clock } from '../../lib/clock.ts';
import type { RemoteProvider } from './remote-provider.ts';
import { createServiceClient, type ServiceClient, type ServiceClientOptions } from './service-client.ts';
import { readListing, type Listing } from './service-listing.ts';

/** So long a list of models is taken as it is; after that it is asked for anew, and the old one serves meanwhile. */
const freshMs = 5 * 60_000;
/** A list that could not be had is not asked for again so soon, or every look at the page would wait for it. */
const failedMs = 15_000;

export type ServiceState = 'unknown' | 'reachable' | 'failing';

export interface ServiceConnectionOptions extends ServiceClientOptions {
  clock: Clock;
  /** Its list of models is here for the first time, or names others than before. */
  onListed: () => void;
}

/** One service while its settings stay as they are: its connections, and what it says of itself. */
export class ServiceConnection {
  readonly provider: RemoteProvider;
  readonly client: ServiceClient;
  readonly #clock: Clock;
  readonly #onListed: () => void;
  readonly #closing = new AbortController();
  #listing: Listing | null = null;
  #error: AppError | null = null;
  #askedAt = Number.NEGATIVE_INFINITY;
  #pending: Promise<Listing> | null = null;
  #served = new AbortController();

  constructor(provider: RemoteProvider, options: ServiceConnectionOptions) {
    this.provider = provider;
    this.client = createServiceClient(provider, options);
    this.#clock = options.clock;
    this.#onListed = options.onListed;
  }

  get state(): ServiceState {
    if (this.#error) return 'failing';
    return this.#listing ? 'reachable' : 'unknown';
  }

  get error(): AppError | null {
    return this.#error;
  }

  /** The newest list that was had, however old. */
  get known(): Listing | null {
    return this.#listing;
  }

  /** Aborted when the service names other models than it does now. */
  get served(): AbortSignal {
    return this.#served.signal;
  }

  /** Asks now. Rejects with an error that names the service. */
  async refresh(): Promise<Listing> {
    const key = this.provider.keyProblem;
    if (key !== null)
      throw new AppError('provider-key-refused', key, { details: { provider: this.provider.name } });
    this.#pending ??= this.#ask().finally(() => (this.#pending = null));
    return this.#pending;
  }

  /** A fresh list, or the old one while a new one is fetched; waits only where there is none. */
  async listing(): Promise<Listing> {
    const age = Math.abs(this.#clock.now() - this.#askedAt);
    if (this.#error && age < failedMs && !this.#listing) throw this.#error;
    if (!this.#listing) return this.refresh();
    if (age > freshMs) void this.refresh().catch(() => undefined);
    return this.#listing;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.client.close();
  }

  async #ask(): Promise<Listing> {
    this.#askedAt = this.#clock.now();
    try {
      const listing = await readListing(this.client, this.#closing.signal);
      const isOther = !isDeepStrictEqual(namesIn(listing), namesIn(this.#listing));
      this.#listing = listing;
      this.#error = null;
      if (isOther) this.#tellOthers();
      return listing;
    } catch (error) {
      this.#error = toAppError(error);
      throw this.#error;
    }
  }

  #tellOthers(): void {
    this.#served.abort();
    this.#served = new AbortController();
    this.#onListed();
  }
}

function namesIn(listing: Listing | null): string[] | undefined {
  return listing?.models.map(({ id }) => id);
}
