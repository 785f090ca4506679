import { appearance, setAppearance, type Appearance } from '../state/appearance.ts';
import { goTo } from '../state/route.ts';
import { useStore } from '../state/store.ts';
import { viewStrings } from '../strings-views.ts';
import { ShortcutTable } from '../palette/shortcut-list.tsx';
import { ViewHead } from '../ui/view-head.tsx';
import '../styles/views.css';
import '../styles/overlays.css';
import { About } from './about.tsx';
import { Data } from './data.tsx';
import { Logging } from './logging.tsx';
import { Providers } from './providers.tsx';

const words = viewStrings.settings;

interface ChoiceProps<Value extends string> {
  label: string;
  value: Value;
  options: Readonly<Record<Value, string>>;
  onChange: (value: Value) => void;
}

function Choice<Value extends string>({ label, value, options, onChange }: ChoiceProps<Value>) {
  return (
    <fieldset className="choice">
      <legend>{label}</legend>
      <div className="choice__options">
        {(Object.keys(options) as Value[]).map((option) => (
          <label key={option} className="choice__option">
            <input
              type="radio"
              name={label}
              value={option}
              checked={value === option}
              onChange={() => onChange(option)}
            />
            {options[option]}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

interface SwitchProps {
  label: string;
  isOn: boolean;
  onChange: (isOn: boolean) => void;
}

export function Switch({ label, isOn, onChange }: SwitchProps) {
  return (
    <label className="switch">
      <input type="checkbox" checked={isOn} onChange={(event) => onChange(event.target.checked)} />
      {label}
    </label>
  );
}

function AppearanceSection() {
  const state = useStore(appearance);
  const set = (change: Partial<Appearance>): void => setAppearance(change);
  return (
    <>
      <Choice
        label={words.theme}
        value={state.theme}
        options={words.themes}
        onChange={(theme) => set({ theme })}
      />
      <Choice
        label={words.textSize}
        value={state.textSize}
        options={words.textSizes}
        onChange={(textSize) => set({ textSize })}
      />
      <Choice
        label={words.motion}
        value={state.motion}
        options={words.motions}
        onChange={(motion) => set({ motion })}
      />
      <Switch
        label={words.announcements}
        isOn={state.isReadAloud}
        onChange={(isReadAloud) => set({ isReadAloud })}
      />
    </>
  );
}

function Shortcuts() {
  const { areShortcutsOn } = useStore(appearance);
  return (
    <>
      <Switch
        label={words.shortcutsOn}
        isOn={areShortcutsOn}
        onChange={(isOn) => setAppearance({ areShortcutsOn: isOn })}
      />
      <ShortcutTable />
    </>
  );
}

const sections = {
  appearance: { title: words.appearance, Section: AppearanceSection },
  shortcuts: { title: words.shortcuts, Section: Shortcuts },
  providers: { title: words.providers, Section: Providers },
  logging: { title: words.logging, Section: Logging },
  data: { title: words.data, Section: Data },
  about: { title: words.about, Section: About },
} as const;

export function SettingsView({ section }: { section: string }) {
  const current = section in sections ? (section as keyof typeof sections) : 'appearance';
  const { title, Section } = sections[current];
  return (
    <div className="view view--settings">
      <ViewHead title={words.title} />
      <div className="settings">
        <nav className="settings__nav" aria-label={words.title}>
          {(Object.keys(sections) as (keyof typeof sections)[]).map((name) => (
            <a
              key={name}
              className="sidebar__link"
              href={`#/settings/${name}`}
              aria-current={name === current ? 'page' : undefined}
              onClick={(event) => {
                event.preventDefault();
                goTo({ view: 'settings', section: name }, true);
              }}
            >
              {sections[name].title}
            </a>
          ))}
        </nav>
        <section className="settings__body" aria-label={title}>
          <h2>{title}</h2>
          <Section />
        </section>
      </div>
    </div>
  );
}
