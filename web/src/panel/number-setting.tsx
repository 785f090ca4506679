import { useEffect, useState } from 'react';
import type { EffectiveSetting } from '@corral/app/contracts/api/settings';
import { changeSettings } from '../state/actions.ts';
import { strings } from '../strings.ts';
import { withSetting, type NumberParameter } from './parameters.ts';
import { SettingField } from './setting-field.tsx';

/** A slider sends its value after the hand rests, not at every pixel. */
const restMs = 300;

export interface NumberSettingProps {
  parameter: NumberParameter;
  setting: EffectiveSetting | undefined;
}

export function NumberSetting({ parameter, setting }: NumberSettingProps) {
  const effective = typeof setting?.value === 'number' ? setting.value : null;
  const [value, setValue] = useState<number | null>(effective);
  const [isTouched, setTouched] = useState(false);
  useEffect(() => {
    if (!isTouched) setValue(effective);
  }, [effective, isTouched]);
  useEffect(() => {
    if (!isTouched) return;
    const timer = setTimeout(() => {
      setTouched(false);
      if (value === effective) return;
      const sent = value ?? (parameter.name.startsWith('sampling.') ? undefined : null);
      changeSettings((settings) => withSetting(settings, parameter.name, sent));
    }, restMs);
    return () => clearTimeout(timer);
  }, [value, isTouched, effective, parameter.name]);
  const change = (next: number | null): void => {
    setTouched(true);
    setValue(next === null ? null : Math.min(parameter.max, Math.max(parameter.min, next)));
  };
  const hasSlider = parameter.sliderMax !== undefined || parameter.max <= 5;
  return (
    <SettingField name={parameter.name} label={parameter.label} why={parameter.why} setting={setting}>
      {({ id, describedBy, isLocked }) => (
        <div className="setting__row">
          {hasSlider && (
            <input
              type="range"
              className="slider"
              aria-label={parameter.label}
              aria-describedby={describedBy}
              min={parameter.min}
              max={parameter.sliderMax ?? parameter.max}
              step={parameter.step}
              value={value ?? parameter.min}
              disabled={isLocked}
              onChange={(event) => change(event.target.valueAsNumber)}
            />
          )}
          <input
            id={id}
            type="number"
            className="field setting__number figures"
            aria-describedby={describedBy}
            min={parameter.min}
            max={parameter.max}
            step="any"
            placeholder={parameter.emptyMeans ?? ''}
            value={value ?? ''}
            disabled={isLocked}
            onChange={(event) => {
              if (event.target.value !== '') change(event.target.valueAsNumber);
              else if (parameter.emptyMeans !== undefined) change(null);
              else changeSettings((settings) => withSetting(settings, parameter.name, undefined));
            }}
          />
        </div>
      )}
    </SettingField>
  );
}

export interface ListSettingProps {
  name: 'sampling.stop' | 'sampling.stopTokenIds';
  label: string;
  why: string;
  setting: EffectiveSetting | undefined;
}

/** Stop strings and stop token ids: one on each line, or with commas for ids. */
export function ListSetting({ name, label, why, setting }: ListSettingProps) {
  const isIds = name === 'sampling.stopTokenIds';
  const effective = Array.isArray(setting?.value) ? (setting.value as (string | number)[]) : [];
  const text = effective
    .map((entry) => (isIds ? String(entry) : escapeBreaks(String(entry))))
    .join(isIds ? ', ' : '\n');
  const [problem, setProblem] = useState<string | null>(null);
  const save = (typed: string): void => {
    if (typed === text) return;
    const parts = typed.split(isIds ? /[\s,]+/ : '\n').filter((part) => part !== '');
    const ids = parts.map(Number);
    if (isIds && ids.some((id) => !Number.isInteger(id) || id < 0)) {
      setProblem(strings.panel.idsOnly);
      return;
    }
    setProblem(null);
    const value = parts.length === 0 ? undefined : isIds ? ids : parts.map(unescapeBreaks);
    changeSettings((settings) => withSetting(settings, name, value));
  };
  return (
    <SettingField name={name} label={label} why={why} setting={setting}>
      {({ id, describedBy, isLocked }) => (
        <>
          <textarea
            id={id}
            key={text}
            className="field setting__list"
            aria-describedby={describedBy}
            rows={Math.min(4, Math.max(1, effective.length))}
            defaultValue={text}
            disabled={isLocked}
            onBlur={(event) => save(event.target.value)}
          />
          {problem && (
            <p role="alert" className="problem small">
              {problem}
            </p>
          )}
        </>
      )}
    </SettingField>
  );
}

function escapeBreaks(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function unescapeBreaks(text: string): string {
  return text.replace(/\\(n|\\)/g, (_whole, kind) => (kind === 'n' ? '\n' : '\\'));
}
