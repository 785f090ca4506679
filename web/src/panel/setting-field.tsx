import { useId, type ReactNode } from 'react';
import type { EffectiveSetting } from '@corral/app/contracts/api/settings';
import { Lock, RotateCcw } from 'lucide-react';
import { useSystem } from '../api/queries.ts';
import { changeSettings } from '../state/actions.ts';
import { strings } from '../strings.ts';
import { IconButton } from '../ui/icon-button.tsx';
import { withSetting } from './parameters.ts';

function shown(value: unknown): string {
  if (value === null || value === undefined || value === '') return strings.panel.unset;
  if (typeof value === 'number') return strings.exact(value);
  if (Array.isArray(value)) return value.length === 0 ? strings.panel.unset : value.join(', ');
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 28 ? `${text.slice(0, 28)}…` : text;
}

/** The default where the value is one's own, and who said it. */
function whereFrom(setting: EffectiveSetting): string {
  if (setting.source === 'chat' || setting.source === 'message')
    return strings.panel.own(shown(setting.inherited));
  return strings.panel.defaultIs(shown(setting.value), strings.panel.from[setting.source]);
}

export interface SettingFieldProps {
  name: string;
  label: string;
  why: string;
  setting: EffectiveSetting | undefined;
  /** Draws the control; the id ties it to its label, the second to its explanation. */
  children: (ids: { id: string; describedBy: string; isLocked: boolean }) => ReactNode;
}

/** A setting with its explanation, its default, where its value comes from, and the way back. */
export function SettingField({ name, label, why, setting, children }: SettingFieldProps) {
  const id = useId();
  const describedBy = `${id}-why`;
  const locked = useSystem().data?.locked ?? [];
  const isLocked = locked.some((entry) => entry.name === name);
  const isOwn = setting?.source === 'chat' || setting?.source === 'message';
  return (
    <div className="setting" data-own={isOwn || undefined}>
      <div className="setting__head">
        <label htmlFor={id}>{label}</label>
        {isLocked && (
          <span className="chip" data-tip={strings.panel.locked}>
            <Lock size={12} aria-label={strings.panel.locked} />
          </span>
        )}
        {isOwn && !isLocked && (
          <IconButton
            label={strings.panel.resetOne(label)}
            onClick={() => changeSettings((settings) => withSetting(settings, name, undefined))}
          >
            <RotateCcw />
          </IconButton>
        )}
      </div>
      {children({ id, describedBy, isLocked })}
      <p className="setting__why small soft" id={describedBy}>
        {why} {setting && whereFrom(setting)}
        {setting?.supported === false && <strong> {strings.panel.ignored}.</strong>}
      </p>
    </div>
  );
}
