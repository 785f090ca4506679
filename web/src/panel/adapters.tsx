import type { ChatSettings } from '@corral/app/contracts/chats';
import { useModels } from '../api/queries.ts';
import { changeSettings } from '../state/actions.ts';
import { useAnsweringModel, useOwnSettings } from '../state/use-settings.ts';
import { strings } from '../strings.ts';
import { modelName } from '../ui/model-name.ts';

function withScale(settings: ChatSettings, id: string, scale: number | null): ChatSettings {
  const others = (settings.adapters ?? []).filter((adapter) => adapter.id !== id);
  const adapters = scale === null ? others : [...others, { id, scale }];
  const { adapters: _before, ...rest } = settings;
  return adapters.length === 0 ? rest : { ...rest, adapters };
}

/** Adapters of the model: on or off, and how strongly. */
export function Adapters() {
  const model = useAnsweringModel();
  const own = useOwnSettings();
  const known = useModels().data?.models.find((other) => other.id === model)?.adapters ?? [];
  if (known.length === 0) return null;
  return (
    <section className="panel__section">
      <h3 className="panel__title">{strings.panel.adapters}</h3>
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
            {use && (
              <div className="setting__row">
                <input
                  type="range"
                  className="slider"
                  aria-label={`${strings.panel.adapterScale}: ${modelName(id)}`}
                  min={-1}
                  max={2}
                  step={0.05}
                  defaultValue={use.scale}
                  onPointerUp={(event) => {
                    const scale = event.currentTarget.valueAsNumber;
                    changeSettings((settings) => withScale(settings, id, scale));
                  }}
                  onKeyUp={(event) => {
                    const scale = event.currentTarget.valueAsNumber;
                    changeSettings((settings) => withScale(settings, id, scale));
                  }}
                />
                <span className="figures">{strings.exact(use.scale)}</span>
              </div>
            )}
          </div>
        );
      })}
    </section>
  );
}
