import type { EffectiveSetting } from '@corral/app/contracts/api/settings';
import { withSetting, type NumberParameter } from './parameters.ts';
import { SettingField, useLocked } from './setting-field.tsx';
import { useTyped } from './use-typed.ts';

/** The number a text stands for, within the limits; null where it is empty. */
function numberOf(text: string, { min, max }: NumberParameter): number | null {
  return text === '' ? null : Math.min(max, Math.max(min, Number(text)));
}

/** What the field holds: as it is being typed, otherwise what holds in the chat. */
function useNumber(parameter: NumberParameter, effective: number | null) {
  const { name } = parameter;
  const typed = useTyped(name, (text) => {
    const value = numberOf(text, parameter);
    const sent = value ?? (name.startsWith('sampling.') ? undefined : null);
    return {
      change: (settings) => withSetting(settings, name, sent),
      isNews: value !== effective,
      isExact: text === String(value),
    };
  });
  return { ...typed, text: typed.text ?? String(effective ?? '') };
}

export interface NumberSettingProps {
  parameter: NumberParameter;
  setting: EffectiveSetting | undefined;
}

export function NumberSetting({ parameter, setting }: NumberSettingProps) {
  const { name, label, why, min, max, sliderMax, step, emptyMeans, emptyAt = min } = parameter;
  const effective = useLocked(name)?.value ?? setting?.value;
  const { text, retry, type, leave } = useNumber(parameter, typeof effective === 'number' ? effective : null);
  return (
    <SettingField name={name} label={label} why={why} setting={setting} unset={emptyMeans} retry={retry}>
      {({ id, describedBy, isLocked }) => (
        <div className="setting__row">
          {(sliderMax !== undefined || max <= 5) && (
            <input
              type="range"
              className="slider"
              aria-label={label}
              aria-describedby={describedBy}
              min={min}
              max={sliderMax ?? max}
              step={step}
              value={text === '' ? emptyAt : Number(text)}
              disabled={isLocked}
              onChange={(event) => type(event.target.value)}
              onBlur={leave}
            />
          )}
          <input
            id={id}
            type="number"
            className="field setting__number figures"
            aria-describedby={describedBy}
            min={min}
            max={max}
            step="any"
            placeholder={emptyMeans ?? ''}
            value={text}
            disabled={isLocked}
            onChange={({ target }) => type(target.value, target.validity.badInput)}
            onBlur={leave}
          />
        </div>
      )}
    </SettingField>
  );
}
