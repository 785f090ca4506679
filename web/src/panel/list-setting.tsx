import type { EffectiveSetting } from '@corral/app/contracts/api/settings';
import { panelStrings } from '../strings-panel.ts';
import { withSetting } from './parameters.ts';
import { SettingField } from './setting-field.tsx';
import { useTyped } from './use-typed.ts';

export interface ListSettingProps {
  name: 'sampling.stop' | 'sampling.stopTokenIds' | 'sampling.dryBreakers';
  label: string;
  why: string;
  setting: EffectiveSetting | undefined;
}

/** Texts, one on each line, or token ids with commas. */
export function ListSetting({ name, label, why, setting }: ListSettingProps) {
  const { read, write } = name === 'sampling.stopTokenIds' ? idList : textList;
  const effective = Array.isArray(setting?.value) ? (setting.value as (string | number)[]) : [];
  const text = write(effective);
  const typed = useTyped(name, (changed) => {
    const list = read(changed);
    if (list === null) return null;
    const value = list.length === 0 ? undefined : list;
    return {
      change: (settings) => withSetting(settings, name, value),
      isNews: changed !== text,
      isExact: changed === write(list),
    };
  });
  const isWrong = typed.text !== null && read(typed.text) === null;
  return (
    <SettingField name={name} label={label} why={why} setting={setting} retry={typed.retry}>
      {({ id, describedBy, isLocked }) => (
        <>
          <textarea
            id={id}
            className="field setting__list"
            aria-describedby={describedBy}
            rows={Math.min(4, Math.max(1, effective.length))}
            value={typed.text ?? text}
            disabled={isLocked}
            onChange={(event) => typed.type(event.target.value)}
            // What is wrong stays, to be put right.
            onBlur={isWrong ? undefined : typed.leave}
          />
          {isWrong && (
            <p role="alert" className="problem small">
              {panelStrings.idsOnly}
            </p>
          )}
        </>
      )}
    </SettingField>
  );
}

/** How a list stands in its field; `read` gives null where the text is no such list. */
interface ListForm {
  read: (text: string) => string[] | number[] | null;
  write: (list: readonly (string | number)[]) => string;
}

const textList: ListForm = {
  read: (text) =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map(unescapeBreaks),
  write: (list) => list.map((entry) => escapeBreaks(String(entry))).join('\n'),
};

const idList: ListForm = {
  read: (text) => {
    const ids = text
      .split(/[\s,]+/)
      .filter((part) => part !== '')
      .map(Number);
    return ids.every((id) => Number.isInteger(id) && id >= 0) ? ids : null;
  },
  write: (list) => list.join(', '),
};

function escapeBreaks(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function unescapeBreaks(text: string): string {
  return text.replace(/\\(n|\\)/g, (_whole, kind) => (kind === 'n' ? '\n' : '\\'));
}
