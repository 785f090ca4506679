import type { ChatSettings, Preset } from '../contracts/chats.ts';

/** What a person chose in the page. */
export interface Preferences {
  /** Applies to all chats. */
  settings: ChatSettings;
  /** The page's own (theme, shortcuts, last chat); the server does not look inside. */
  page: Record<string, unknown>;
  /** 0 where nothing was ever set. */
  version: number;
}

export interface SettingsStore {
  getPreferences(owner: string): Promise<Preferences>;
  /** Version 0 for the first write. */
  setPreferences(
    owner: string,
    write: { version: number; settings?: ChatSettings; page?: Record<string, unknown> },
  ): Promise<Preferences>;
  /** Settings that apply wherever this model is used; version 0 where nothing was ever set. */
  getModelSettings(owner: string, model: string): Promise<{ settings: ChatSettings; version: number }>;
  setModelSettings(
    owner: string,
    write: { model: string; version: number; settings: ChatSettings },
  ): Promise<{ settings: ChatSettings; version: number }>;
  listPresets(owner: string): Promise<Preset[]>;
  /** Version 0 makes a new one; a name that is taken rejects with `conflict`. */
  savePreset(owner: string, preset: Preset): Promise<Preset>;
  deletePreset(owner: string, name: string): Promise<void>;
}
