import type { ProviderConfig } from './providers.ts';
import type { SettingName, SettingValue } from './settings.ts';

/** Where a value came from, weakest first. */
export type ConfigSource = 'default' | 'file' | 'home .env' | '.env' | 'environment' | 'flag';

/** What the operator configured; frozen, made once at start and passed in. */
export type Config = Readonly<{ [Name in SettingName]: SettingValue<Name> }> & {
  readonly providers: readonly ProviderConfig[];
  /** Where each value came from; what is not `default` is shown as locked in the page. */
  readonly sources: Readonly<Record<SettingName, ConfigSource>>;
  /** Folder of the clone: the bundled model and the built page are there. */
  readonly root: string;
};
