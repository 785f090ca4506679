/** A service that was added in the page. */
export interface KeptProvider {
  /** The word before the colon in `provider:model`. */
  name: string;
  kind: 'huggingface' | 'tgi' | 'openai';
  url: string;
  /** As `engine/remote/sealed-key.ts` seals it; null: the service asks for none. */
  sealedKey: string | null;
}

export interface ProviderStore {
  /** By name. */
  listProviders(owner: string): Promise<KeptProvider[]>;
  /** Adds it, or replaces the one of this name. */
  saveProvider(owner: string, provider: KeptProvider): Promise<void>;
  deleteProvider(owner: string, name: string): Promise<void>;
}
