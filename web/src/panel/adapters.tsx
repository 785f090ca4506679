import type { ChatSettings } from '@corral/app/contracts/chats';
import { useModels } from '../api/queries.ts';
import { changeSettings } from '../state/actions.ts';
import { useAnsweringModel, useOwnSettings } from '../state/use-settings.ts';
import { strings } from '../strings.ts';
import { panelStrings } from '../strings-panel.ts';
import { modelName } from '../ui/model-name.ts';
import { NotSaved } from './setting-field.tsx';
import { useTyped } from './use-typed.ts';

function withScale(settings: ChatSettings, id: string, scale: number | null): ChatSettings {
  const others = (settings.adapters ?? []).filter((adapter) => adapter.id !== id);
  const adapters = scale === null ? others : [...others, { id, scale }];
  const { adapters: _before, ...rest } = settings;
  return adapters.length === 0 ? rest : { ...rest, adapters };
}

const isOn = ({ adapters = [] }: ChatSettings, id: string): boolean =>
  adapters.some((adapter) => adapter.id === id);

function AdapterScale({ id, scale }: { id: string; scale: number }) {
  const typed = useTyped(`adapters/${id}`, (text) => ({
    // Switched off meanwhile, it stays off.
    change: (settings) => (isOn(settings, id) ? withScale(settings, id, Number(text)) : settings),
    isNews: Number(text) !== scale,
    isExact: true,
  }));
  const shown = Number(typed.text ?? scale);
  return (
    <>
      <div className="setting__row">
        <input
          type="range"
          className="slider"
          aria-label={`${panelStrings.adapterScale}: ${modelName(id)}`}
          min={-1}
          max={2}
          step={0.05}
          value={shown}
          onChange={(event) => typed.type(event.target.value)}
          onBlur={typed.leave}
        />
        <span className="figures">{strings.exact(shown)}</span>
      </div>
      <NotSaved retry={typed.retry} />
    </>
  );
}

/** Adapters of the model: on or off, and how strongly. */
export function Adapters() {
  const model = useAnsweringModel();
  const own = useOwnSettings();
  const known = useModels().data?.models.find((other) => other.id === model)?.adapters ?? [];
  if (known.length === 0) return null;
  return (
    <section className="panel__section">
      <h3 className="panel__title">{panelStrings.adapters}</h3>
      {known.map((id) => {
        const use = own.adapters?.find((adapter) => adapter.id === id);
        return (
          <div key={id} className="setting">
            <label className="switch">
              <input
                type="checkbox"
                checked={use !== undefined}
                onChange={(event) =>
                  changeSettings((settings) => withScale(settings, id, event.target.checked ? 1 : null))
                }
              />
              <span className="truncate">{modelName(id)}</span>
            </label>
            {use && <AdapterScale id={id} scale={use.scale} />}
          </div>
        );
      })}
    </section>
  );
}
