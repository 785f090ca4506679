import type { ChatSettings, Preset } from '@corral/app/contracts/chats';
import { useModels, usePresets } from '../api/queries.ts';
import { strings } from '../strings.ts';
import { panelStrings } from '../strings-panel.ts';
import { viewStrings } from '../strings-views.ts';
import { modelName } from '../ui/model-name.ts';

/** What one side answers with. */
export interface Side {
  model: string;
  temperature: number;
  adapter: string;
  /** Its other settings hold as well; model, adapter and temperature began with its own. */
  preset: Preset | null;
}

export function settingsOf({ model, temperature, adapter, preset }: Side): ChatSettings {
  const { sampling, adapters = [], ...others } = preset?.settings ?? {};
  const isOfPreset = adapters[0]?.id === adapter;
  return {
    ...others,
    model,
    adapters: isOfPreset ? adapters : adapter === '' ? [] : [{ id: adapter, scale: 1 }],
    sampling: { ...sampling, temperature },
  };
}

function withPreset(side: Side, preset: Preset | null): Side {
  const { model = side.model, adapters, sampling } = preset?.settings ?? {};
  return {
    model,
    temperature: sampling?.temperature ?? side.temperature,
    adapter: adapters?.[0]?.id ?? (model === side.model ? side.adapter : ''),
    preset,
  };
}

/** What sets a side apart from the other, beside its model. */
export function traitsOf(side: Side, other: Side): string {
  const words = viewStrings.compare;
  const traits: string[] = [];
  if (side.preset?.name !== other.preset?.name)
    traits.push(side.preset ? words.presetIs(side.preset.name) : words.noPreset);
  if (side.adapter !== other.adapter)
    traits.push(side.adapter === '' ? words.noAdapter : words.adapterIs(modelName(side.adapter)));
  if (side.temperature !== other.temperature)
    traits.push(words.temperatureIs(strings.exact(side.temperature)));
  if (traits.length === 0 && side.model === other.model) return words.same;
  return traits.join(', ');
}

interface SideFieldProps {
  side: Side;
  onChange: (side: Side) => void;
}

/** Shown where there is one to choose. */
function PresetField({ side, onChange }: SideFieldProps) {
  const presets = usePresets().data?.presets ?? [];
  if (presets.length === 0) return null;
  return (
    <label className="form__field">
      {viewStrings.compare.preset}
      <select
        className="field"
        value={side.preset?.name ?? ''}
        onChange={(event) => {
          const chosen = presets.find(({ name }) => name === event.target.value);
          onChange(withPreset(side, chosen ?? null));
        }}
      >
        <option value="">{panelStrings.unset}</option>
        {presets.map(({ name }) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

function AdapterField({ side, onChange }: SideFieldProps) {
  const model = useModels().data?.models.find(({ id }) => id === side.model);
  const adapters = model?.adapters ?? [];
  if (adapters.length === 0) return null;
  return (
    <label className="form__field">
      {panelStrings.adapters}
      <select
        className="field"
        value={side.adapter}
        onChange={(event) => onChange({ ...side, adapter: event.target.value })}
      >
        <option value="">{panelStrings.unset}</option>
        {adapters.map((id) => (
          <option key={id} value={id}>
            {modelName(id)}
          </option>
        ))}
      </select>
    </label>
  );
}

export function SideForm({ label, ...field }: SideFieldProps & { label: string }) {
  const { side, onChange } = field;
  const models = useModels().data?.models ?? [];
  return (
    <fieldset className="compare__form">
      <legend>{label}</legend>
      <PresetField {...field} />
      <label className="form__field">
        {panelStrings.model}
        <select
          className="field"
          value={side.model}
          onChange={(event) => onChange({ ...side, model: event.target.value, adapter: '' })}
        >
          {models.map((model) => (
            <option key={model.id} value={model.id}>
              {modelName(model.id)}
            </option>
          ))}
        </select>
      </label>
      <AdapterField {...field} />
      <label className="form__field">
        {viewStrings.compare.temperature}
        <input
          type="number"
          className="field"
          min={0}
          max={5}
          step="any"
          value={side.temperature}
          onChange={(event) => onChange({ ...side, temperature: event.target.valueAsNumber || 0 })}
        />
      </label>
    </fieldset>
  );
}
