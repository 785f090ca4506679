import { useState } from 'react';
import type { EffectiveSetting } from '@corral/app/contracts/api/settings';
import { BookmarkPlus } from 'lucide-react';
import { invalidate, keys, usePresets } from '../api/queries.ts';
import { settingsApi } from '../api/resources.ts';
import { changeSettings } from '../state/actions.ts';
import { useOwnSettings } from '../state/use-settings.ts';
import { strings } from '../strings.ts';
import { panelStrings } from '../strings-panel.ts';
import { Button } from '../ui/button.tsx';
import { fieldKeys } from '../ui/field-keys.ts';
import { focusAtMount } from '../ui/focus-at-mount.ts';
import { Menu, type MenuEntry } from '../ui/menu.tsx';
import { attempt } from '../ui/problems.ts';
import { withSetting } from './parameters.ts';
import { SettingField } from './setting-field.tsx';
import { useTyped } from './use-typed.ts';

function SavePreset({ onDone }: { onDone: () => void }) {
  const own = useOwnSettings();
  const save = (name: string): void => {
    onDone();
    if (name === '') return;
    attempt(async () => {
      await settingsApi.savePreset(name, own);
      invalidate(keys.presets);
    });
  };
  return (
    <input
      className="field"
      aria-label={panelStrings.presetName}
      placeholder={panelStrings.presetName}
      maxLength={80}
      ref={focusAtMount}
      {...fieldKeys({ onEnter: save, onEscape: onDone })}
    />
  );
}

function removePreset(name: string): void {
  attempt(async () => {
    await settingsApi.removePreset(name);
    invalidate(keys.presets);
  });
}

function usePresetItems(onSave: () => void): MenuEntry[] {
  const presets = usePresets().data?.presets ?? [];
  const save: MenuEntry = { label: panelStrings.savePreset, icon: <BookmarkPlus />, onSelect: onSave };
  if (presets.length === 0) return [save];
  return [
    ...presets.map((preset) => ({
      label: preset.name,
      onSelect: () => changeSettings((settings) => ({ ...settings, ...preset.settings })),
    })),
    'line',
    save,
    {
      label: panelStrings.removePreset,
      items: presets.map(({ name }) => ({
        label: name,
        isDangerous: true,
        onSelect: () => removePreset(name),
      })),
    },
  ];
}

export function SystemPrompt({ setting }: { setting: EffectiveSetting | undefined }) {
  const [isSaving, setSaving] = useState(false);
  // The menu gives the focus back before the field takes it.
  const items = usePresetItems(() => setTimeout(() => setSaving(true), 50));
  const text = typeof setting?.value === 'string' ? setting.value : '';
  const typed = useTyped('systemPrompt', (value) => ({
    change: (settings) => withSetting(settings, 'systemPrompt', value === '' ? null : value),
    isNews: value !== text,
    isExact: true,
  }));
  return (
    <>
      <SettingField
        name="systemPrompt"
        label={strings.transcript.system}
        why={panelStrings.systemWhy}
        setting={setting}
        retry={typed.retry}
      >
        {({ id, describedBy, isLocked }) => (
          <textarea
            id={id}
            className="field setting__prompt"
            aria-describedby={describedBy}
            placeholder={panelStrings.systemPlaceholder}
            dir="auto"
            rows={4}
            value={typed.text ?? text}
            disabled={isLocked}
            onChange={(event) => typed.type(event.target.value)}
            onBlur={typed.leave}
          />
        )}
      </SettingField>
      {isSaving ? (
        <SavePreset onDone={() => setSaving(false)} />
      ) : (
        <Menu trigger={<Button>{panelStrings.presets}</Button>} items={items} />
      )}
    </>
  );
}
