import { useEffect, useState } from 'react';
import type { EffectiveSetting } from '@corral/app/contracts/api/settings';
import { changeSettings } from '../state/actions.ts';
import { withSetting, type NumberParameter } from './parameters.ts';
import { SettingField, useLocked } from './setting-field.tsx';

/** A slider sends its value after the hand rests, not at every pixel. */
const restMs = 300;

/** A value under the hand of the person: shown at once, sent when it rests, otherwise what holds. */
function useResting({ name }: NumberParameter, effective: number | null) {
  const [touched, setTouched] = useState<{ value: number | null } | null>(null);
  useEffect(() => {
    if (!touched) return;
    const timer = setTimeout(() => {
      setTouched(null);
      if (touched.value === effective) return;
      const sent = touched.value ?? (name.startsWith('sampling.') ? undefined : null);
      changeSettings((settings) => withSetting(settings, name, sent));
    }, restMs);
    return () => clearTimeout(timer);
  }, [touched, effective, name]);
  return {
    value: touched ? touched.value : effective,
    touch: (value: number | null) => setTouched({ value }),
  };
}

export interface NumberSettingProps {
  parameter: NumberParameter;
  setting: EffectiveSetting | undefined;
}

export function NumberSetting({ parameter, setting }: NumberSettingProps) {
  const { name, label, why, min, max, sliderMax, step, emptyMeans, emptyAt = min } = parameter;
  const effective = useLocked(name)?.value ?? setting?.value;
  const { value, touch } = useResting(parameter, typeof effective === 'number' ? effective : null);
  const change = (next: number): void => touch(Math.min(max, Math.max(min, next)));
  const type = ({ value: typed, valueAsNumber }: HTMLInputElement): void => {
    if (typed !== '') change(valueAsNumber);
    else if (emptyMeans !== undefined) touch(null);
    else changeSettings((settings) => withSetting(settings, name, undefined));
  };
  return (
    <SettingField name={name} label={label} why={why} setting={setting}>
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
              value={value ?? emptyAt}
              disabled={isLocked}
              onChange={(event) => change(event.target.valueAsNumber)}
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
            value={value ?? ''}
            disabled={isLocked}
            onChange={(event) => type(event.target)}
          />
        </div>
      )}
    </SettingField>
  );
}
