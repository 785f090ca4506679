import { describe, expect, test } from 'vitest';
import { type ContractParts, expectError } from './parts.contract.ts';

export function settingsContract({ store, owner }: ContractParts): void {
  describe('settings', () => {
    test('preferences are kept per owner, part by part, with their version', async () => {
      const me = owner();
      expect(await store().getPreferences(me)).toEqual({ settings: {}, page: {}, version: 0 });
      await store().setPreferences(me, { version: 0, settings: { model: 'cria' } });
      const both = await store().setPreferences(me, { version: 1, page: { theme: 'dark' } });
      expect(both).toEqual({ settings: { model: 'cria' }, page: { theme: 'dark' }, version: 2 });
      await expectError(store().setPreferences(me, { version: 1, page: {} }), 'conflict');
      expect(await store().getPreferences(me)).toEqual(both);
      expect((await store().getPreferences(owner())).version).toBe(0);
    });

    test('settings of a model', async () => {
      const me = owner();
      const settings = { sampling: { topK: 3 } };
      expect(await store().getModelSettings(me, 'm')).toEqual({ settings: {}, version: 0 });
      expect(await store().setModelSettings(me, { model: 'm', version: 0, settings })).toEqual({
        settings,
        version: 1,
      });
      await expectError(store().setModelSettings(me, { model: 'm', version: 0, settings: {} }), 'conflict');
      expect(await store().getModelSettings(me, 'm')).toEqual({ settings, version: 1 });
      expect(await store().getModelSettings(me, 'other')).toEqual({ settings: {}, version: 0 });
    });

    test('presets by name', async () => {
      const me = owner();
      const settings = { systemPrompt: 'Be brief.' };
      const made = await store().savePreset(me, { name: 'Brief', settings, version: 0 });
      expect(made).toEqual({ name: 'Brief', settings, version: 1 });
      await expectError(store().savePreset(me, { name: 'Brief', settings: {}, version: 0 }), 'conflict');
      const changed = await store().savePreset(me, { name: 'Brief', settings: {}, version: 1 });
      await expectError(store().savePreset(me, made), 'conflict');
      expect(await store().listPresets(me)).toEqual([changed]);
      expect(await store().listPresets(owner())).toEqual([]);
      await expectError(store().deletePreset(owner(), 'Brief'), 'not-found');
      await store().deletePreset(me, 'Brief');
      expect(await store().listPresets(me)).toEqual([]);
    });
  });
}
