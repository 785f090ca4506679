import { AppError } from '../../contracts/app-error.ts';
import type { ChatSettings, Preset } from '../../contracts/chats.ts';
import type { Preferences, SettingsStore } from '../settings-store.ts';
import { fromJson, toJson } from '../json.ts';
import { notFound, requireVersion, type Session } from './session.ts';

type Write<Name extends keyof SettingsStore> = Parameters<SettingsStore[Name]>[1];

interface VersionedSettings {
  settings: ChatSettings;
  version: number;
}

async function readModelSettings(session: Session, owner: string, model: string): Promise<VersionedSettings> {
  const row = await session.database
    .selectFrom('model_setting')
    .selectAll()
    .where('owner', '=', owner)
    .where('model', '=', model)
    .executeTakeFirst();
  return row ? { settings: fromJson(row.settings_json), version: row.version } : { settings: {}, version: 0 };
}

export const settingsReading = {
  async getPreferences(session: Session, owner: string): Promise<Preferences> {
    const row = await session.database
      .selectFrom('preference')
      .selectAll()
      .where('owner', '=', owner)
      .executeTakeFirst();
    if (!row) return { settings: {}, page: {}, version: 0 };
    return { settings: fromJson(row.settings_json), page: fromJson(row.page_json), version: row.version };
  },

  getModelSettings: readModelSettings,

  async listPresets(session: Session, owner: string): Promise<Preset[]> {
    const rows = await session.database.selectFrom('preset').selectAll().where('owner', '=', owner).execute();
    return rows
      .map((row) => ({
        name: row.name,
        settings: fromJson(row.settings_json),
        version: row.version,
      }))
      .sort((a, b) => a.name.localeCompare(b.name));
  },
};

export const settingsWriting = {
  async setPreferences(
    session: Session,
    owner: string,
    write: Write<'setPreferences'>,
  ): Promise<Preferences> {
    const known = await settingsReading.getPreferences(session, owner);
    requireVersion('preference', write.version, known);
    const next = {
      settings: write.settings ?? known.settings,
      page: write.page ?? known.page,
      version: known.version + 1,
    };
    const columns = {
      settings_json: toJson(next.settings),
      page_json: toJson(next.page),
      version: next.version,
    };
    await session.database
      .insertInto('preference')
      .values({ owner, ...columns })
      .onConflict((conflict) => conflict.column('owner').doUpdateSet(columns))
      .execute();
    return next;
  },

  async setModelSettings(
    session: Session,
    owner: string,
    write: Write<'setModelSettings'>,
  ): Promise<VersionedSettings> {
    const known = await readModelSettings(session, owner, write.model);
    requireVersion('setting', write.version, known);
    const next = { settings: write.settings, version: known.version + 1 };
    const columns = { settings_json: toJson(next.settings), version: next.version };
    await session.database
      .insertInto('model_setting')
      .values({ owner, model: write.model, ...columns })
      .onConflict((conflict) => conflict.columns(['owner', 'model']).doUpdateSet(columns))
      .execute();
    return next;
  },

  async savePreset(session: Session, owner: string, preset: Preset): Promise<Preset> {
    const known = await session.database
      .selectFrom('preset')
      .select('version')
      .where('owner', '=', owner)
      .where('name', '=', preset.name)
      .executeTakeFirst();
    if (known && preset.version === 0)
      throw new AppError('conflict', 'A preset of this name exists already.', {
        hint: 'Choose another name, or change that preset.',
        details: { version: known.version },
      });
    if (!known && preset.version > 0) throw notFound('preset');
    if (known) requireVersion('preset', preset.version, known);
    const columns = { settings_json: toJson(preset.settings), version: (known?.version ?? 0) + 1 };
    await session.database
      .insertInto('preset')
      .values({ owner, name: preset.name, ...columns })
      .onConflict((conflict) => conflict.columns(['owner', 'name']).doUpdateSet(columns))
      .execute();
    return { name: preset.name, settings: preset.settings, version: columns.version };
  },

  async deletePreset(session: Session, owner: string, name: string): Promise<void> {
    const result = await session.database
      .deleteFrom('preset')
      .where('owner', '=', owner)
      .where('name', '=', name)
      .executeTakeFirst();
    if (result.numDeletedRows === 0n) throw notFound('preset');
  },
};
