import { useState } from 'react';
import type { EffectiveSetting } from '@corral/app/contracts/api/settings';
import { BookmarkPlus } from 'lucide-react';
import { invalidate, keys, usePresets } from '../api/queries.ts';
import { settingsApi } from '../api/resources.ts';
import { changeSettings } from '../state/actions.ts';
import { useOwnSettings } from '../state/use-settings.ts';
import { strings } from '../strings.ts';
import { Button } from '../ui/button.tsx';
import { Menu, type MenuEntry } from '../ui/menu.tsx';
import { attempt } from '../ui/problems.ts';
import { withSetting } from './parameters.ts';
import { SettingField } from './setting-field.tsx';

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
      aria-label={strings.panel.presetName}
      placeholder={strings.panel.presetName}
      maxLength={80}
      ref={(element) => element?.focus()}
      onKeyDown={(event) => {
        if (event.key === 'Enter') save(event.currentTarget.value.trim());
        if (event.key === 'Escape') {
          event.stopPropagation();
          onDone();
        }
      }}
    />
  );
}

export function SystemPrompt({ setting }: { setting: EffectiveSetting | undefined }) {
  const presets = usePresets().data?.presets ?? [];
  const [isSaving, setSaving] = useState(false);
  const text = typeof setting?.value === 'string' ? setting.value : '';
  const items: MenuEntry[] = [
    ...presets.map((preset) => ({
      label: preset.name,
      onSelect: () => changeSettings((settings) => ({ ...settings, ...preset.settings })),
    })),
    ...(presets.length > 0 ? (['line'] as const) : []),
    {
      label: strings.panel.savePreset,
      icon: <BookmarkPlus />,
      onSelect: () => setTimeout(() => setSaving(true), 50),
    },
    ...(presets.length > 0
      ? [
          {
            label: strings.panel.removePreset,
            items: presets.map((preset) => ({
              label: preset.name,
              isDangerous: true,
              onSelect: () =>
                attempt(async () => {
                  await settingsApi.removePreset(preset.name);
                  invalidate(keys.presets);
                }),
            })),
          },
        ]
      : []),
  ];
  return (
    <>
      <SettingField
        name="systemPrompt"
        label={strings.transcript.system}
        why={strings.panel.systemWhy}
        setting={setting}
      >
        {({ id, describedBy, isLocked }) => (
          <textarea
            id={id}
            key={text}
            className="field setting__prompt"
            aria-describedby={describedBy}
            placeholder={strings.panel.systemPlaceholder}
            dir="auto"
            rows={4}
            defaultValue={text}
            disabled={isLocked}
            onBlur={(event) => {
              const { value } = event.target;
              if (value !== text)
                changeSettings((settings) =>
                  withSetting(settings, 'systemPrompt', value === '' ? null : value),
                );
            }}
          />
        )}
      </SettingField>
      {isSaving ? (
        <SavePreset onDone={() => setSaving(false)} />
      ) : (
        <Menu trigger={<Button>{strings.panel.presets}</Button>} items={items} />
      )}
    </>
  );
}
