import { useId, type ReactNode } from 'react';
import type { EffectiveSetting } from '@corral/app/contracts/api/settings';
import { Lock, RotateCcw } from 'lucide-react';
import { useSystem } from '../api/queries.ts';
import { changeSettings } from '../state/actions.ts';
import { strings } from '../strings.ts';
import { panelStrings } from '../strings-panel.ts';
import { Button } from '../ui/button.tsx';
import { IconButton } from '../ui/icon-button.tsx';
import { withSetting } from './parameters.ts';

function shown(value: unknown, unset: string): string {
  if (value === null || value === undefined || value === '') return unset;
  if (typeof value === 'number') return strings.exact(value);
  if (Array.isArray(value)) return value.length === 0 ? unset : value.join(', ');
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 28 ? `${text.slice(0, 28)}…` : text;
}

function isOfThisChat({ source }: EffectiveSetting): boolean {
  return source === 'chat' || source === 'message';
}

/** The default where the value is one's own, and who said it. */
function whereFrom(setting: EffectiveSetting, unset: string): string {
  if (setting.source === 'chat' || setting.source === 'message')
    return panelStrings.own(shown(setting.inherited, unset));
  return panelStrings.defaultIs(shown(setting.value, unset), panelStrings.from[setting.source]);
}

export interface SettingFieldProps {
  name: string;
  label: string;
  why: string;
  setting: EffectiveSetting | undefined;
  /** What it is where nobody has set it. */
  unset?: string | undefined;
  /** Saves what was typed and could not be saved; null or absent where there is no such thing. */
  retry?: (() => void) | null;
  /** Draws the control; the id ties it to its label, the second to its explanation. */
  children: (ids: { id: string; describedBy: string; isLocked: boolean }) => ReactNode;
}

/** What the operator fixed; nobody changes it in the page. */
export function useLocked(name: string): { value: unknown } | null {
  return useSystem().data?.locked.find((entry) => entry.name === name) ?? null;
}

interface HeadProps {
  id: string;
  label: string;
  isLocked: boolean;
  /** Absent: there is nothing to take back. */
  onReset: (() => void) | undefined;
}

function Head({ id, label, isLocked, onReset }: HeadProps) {
  return (
    <div className="setting__head">
      <label htmlFor={id}>{label}</label>
      {isLocked && (
        <span className="chip" data-tip={panelStrings.locked}>
          <Lock size={12} aria-label={panelStrings.locked} />
        </span>
      )}
      {onReset && (
        <IconButton label={panelStrings.resetOne(label)} onClick={onReset}>
          <RotateCcw />
        </IconButton>
      )}
    </div>
  );
}

/** Stays beside the field when the notice that told why is gone. */
export function NotSaved({ retry }: { retry: (() => void) | null }) {
  if (!retry) return null;
  return (
    <p className="problem small">
      {panelStrings.notSaved}
      <Button kind="quiet" onClick={retry}>
        {strings.retry}
      </Button>
    </p>
  );
}

/** A setting with its explanation, its default, where its value comes from, and the way back. */
export function SettingField(props: SettingFieldProps) {
  const { name, label, why, setting, unset = panelStrings.unset, retry = null, children } = props;
  const id = useId();
  const describedBy = `${id}-why`;
  const locked = useLocked(name);
  const isLocked = locked !== null;
  const isOwn = !isLocked && setting !== undefined && isOfThisChat(setting);
  const origin = locked
    ? panelStrings.lockedTo(shown(locked.value, unset))
    : setting && whereFrom(setting, unset);
  const reset = (): void => changeSettings((settings) => withSetting(settings, name, undefined));
  return (
    <div className="setting" data-own={isOwn || undefined}>
      <Head id={id} label={label} isLocked={isLocked} onReset={isOwn ? reset : undefined} />
      {children({ id, describedBy, isLocked })}
      <NotSaved retry={retry} />
      <p className="setting__why small soft" id={describedBy}>
        {why} {origin}
        {setting?.supported === false && <strong> {panelStrings.ignored}.</strong>}
      </p>
    </div>
  );
}
