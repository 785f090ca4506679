import { useState } from 'react';
import { X } from 'lucide-react';
import { invalidate, keys } from '../api/queries.ts';
import { settingsApi } from '../api/resources.ts';
import { changeSettings } from '../state/actions.ts';
import { setPanel } from '../state/layout.ts';
import { findSession } from '../state/sessions.ts';
import { useOwnSettings, useSettings, useShownChatId } from '../state/use-settings.ts';
import { strings } from '../strings.ts';
import { panelStrings } from '../strings-panel.ts';
import { Button } from '../ui/button.tsx';
import { IconButton } from '../ui/icon-button.tsx';
import { attempt } from '../ui/problems.ts';
import { showToast } from '../ui/toasts.tsx';
import '../styles/panel.css';
import { Adapters } from './adapters.tsx';
import { ContextChart } from './charts.tsx';
import { ModelPicker } from './model-picker.tsx';
import { ListSetting } from './list-setting.tsx';
import { NumberSetting } from './number-setting.tsx';
import {
  limitParameters,
  memoryParameters,
  samplingParameters,
  withSetting,
  type NumberParameter,
} from './parameters.ts';
import { rareParameters } from './rare-parameters.ts';
import { SettingField } from './setting-field.tsx';
import { addedTo } from './settings-for-new-chats.ts';
import { SystemPrompt } from './system-prompt.tsx';

type Settings = ReturnType<typeof useSettings>;

function Numbers({ list, settings }: { list: readonly NumberParameter[]; settings: Settings['settings'] }) {
  return list.map((parameter) => (
    <NumberSetting key={parameter.name} parameter={parameter} setting={settings.get(parameter.name)} />
  ));
}

function Format({ settings, formats }: Pick<Settings, 'settings' | 'formats'>) {
  const setting = settings.get('format');
  const value = typeof setting?.value === 'string' ? setting.value : '';
  return (
    <SettingField
      name="format"
      label={panelStrings.format}
      why={panelStrings.formatWhy}
      setting={setting}
      unset={panelStrings.formatUnset}
    >
      {({ id, describedBy, isLocked }) => (
        <select
          id={id}
          className="field"
          aria-describedby={describedBy}
          value={value}
          disabled={isLocked}
          onChange={(event) => {
            const name = event.target.value;
            changeSettings((all) => withSetting(all, 'format', name === '' ? null : name));
          }}
        >
          <option value="">{panelStrings.formatOwn}</option>
          {formats.map((format) => (
            <option key={format.name} value={format.name}>
              {format.title}
            </option>
          ))}
          {value !== '' && !formats.some((format) => format.name === value) && (
            <option value={value}>{panelStrings.formatOther}</option>
          )}
        </select>
      )}
    </SettingField>
  );
}

function Foot() {
  const own = useOwnSettings();
  const hasOwn = Object.keys(own).length > 0;
  const makeDefault = (): void =>
    attempt(async () => {
      const before = await settingsApi.preferences();
      await settingsApi.savePreferences({ settings: addedTo(before.settings, own) });
      invalidate(keys.effective, keys.preferences);
      showToast({ text: panelStrings.madeDefault });
    });
  return (
    <div className="panel__foot">
      <Button disabled={!hasOwn} onClick={makeDefault}>
        {panelStrings.makeDefault}
      </Button>
      <Button kind="quiet" disabled={!hasOwn} onClick={() => changeSettings(() => ({}))}>
        {panelStrings.resetAll}
      </Button>
    </div>
  );
}

function SamplingSection({ settings }: Pick<Settings, 'settings'>) {
  const [isFull, setFull] = useState(false);
  return (
    <section className="panel__section">
      <h3 className="panel__title">{panelStrings.sampling}</h3>
      <Numbers list={samplingParameters} settings={settings} />
      {isFull && (
        <>
          <Numbers list={rareParameters} settings={settings} />
          <ListSetting
            name="sampling.dryBreakers"
            label={panelStrings.dryBreakers}
            why={panelStrings.dryBreakersWhy}
            setting={settings.get('sampling.dryBreakers')}
          />
        </>
      )}
      <Button kind="quiet" aria-expanded={isFull} onClick={() => setFull(!isFull)}>
        {isFull ? panelStrings.fewer : panelStrings.more}
      </Button>
    </section>
  );
}

export function Panel() {
  const { settings, formats } = useSettings();
  const chatId = useShownChatId();
  const session = chatId ? findSession(chatId) : undefined;
  return (
    <aside className="panel" aria-label={strings.shell.panel}>
      <header className="panel__head">
        <h2>{strings.shell.panel}</h2>
        <IconButton label={strings.close} onClick={() => setPanel(false)}>
          <X />
        </IconButton>
      </header>
      <div className="panel__body">
        <section className="panel__section">
          <h3 className="panel__title">{panelStrings.model}</h3>
          <ModelPicker />
          {session && <ContextChart session={session} />}
        </section>
        <Adapters />
        <section className="panel__section">
          <h3 className="panel__title">{panelStrings.prompt}</h3>
          <SystemPrompt setting={settings.get('systemPrompt')} />
          <Format settings={settings} formats={formats} />
        </section>
        <SamplingSection settings={settings} />
        <section className="panel__section">
          <h3 className="panel__title">{panelStrings.limits}</h3>
          <Numbers list={limitParameters} settings={settings} />
          <ListSetting
            name="sampling.stop"
            label={panelStrings.stop}
            why={panelStrings.stopWhy}
            setting={settings.get('sampling.stop')}
          />
          <ListSetting
            name="sampling.stopTokenIds"
            label={panelStrings.stopIds}
            why={panelStrings.stopIdsWhy}
            setting={settings.get('sampling.stopTokenIds')}
          />
        </section>
        <section className="panel__section">
          <h3 className="panel__title">{panelStrings.memory}</h3>
          <Numbers list={memoryParameters} settings={settings} />
        </section>
      </div>
      <Foot />
    </aside>
  );
}
