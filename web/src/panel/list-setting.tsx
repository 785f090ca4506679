import { useState } from 'react';
import type { EffectiveSetting } from '@corral/app/contracts/api/settings';
import { changeSettings } from '../state/actions.ts';
import { strings } from '../strings.ts';
import { withSetting } from './parameters.ts';
import { SettingField } from './setting-field.tsx';

export interface ListSettingProps {
  name: 'sampling.stop' | 'sampling.stopTokenIds' | 'sampling.dryBreakers';
  label: string;
  why: string;
  setting: EffectiveSetting | undefined;
}

/** Texts, one on each line, or token ids with commas. */
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
