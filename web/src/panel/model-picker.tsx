import type { ListedModel } from '@corral/app/contracts/api/models';
import { Boxes, ChevronDown } from 'lucide-react';
import { useModels } from '../api/queries.ts';
import { shortcutText } from '../palette/shortcuts.ts';
import { changeSettings } from '../state/actions.ts';
import { goTo } from '../state/route.ts';
import { useAnsweringModel } from '../state/use-settings.ts';
import { strings } from '../strings.ts';
import { panelStrings } from '../strings-panel.ts';
import { viewStrings } from '../strings-views.ts';
import { Menu, type MenuEntry } from '../ui/menu.tsx';
import { modelName } from '../ui/model-name.ts';
import { bytes } from '../ui/times.ts';

function modelItems(models: readonly ListedModel[], current: string | null): MenuEntry[] {
  const choose = (model: string): void => changeSettings((settings) => ({ ...settings, model }));
  const item = (model: ListedModel): MenuEntry => ({
    label: modelName(model.id),
    isChecked: model.id === current,
    note:
      model.state === 'loaded'
        ? viewStrings.models.loaded
        : model.record
          ? bytes(model.record.sizeBytes)
          : (model.provider ?? ''),
    onSelect: () => choose(model.id),
  });
  const local = models.filter((model) => model.kind === 'local');
  const remote = models.filter((model) => model.kind === 'remote');
  return [
    ...local.map(item),
    ...(remote.length > 0 ? [{ heading: viewStrings.models.remote }, ...remote.map(item)] : []),
    'line',
    { label: strings.empty.cardAll, icon: <Boxes />, onSelect: () => goTo({ view: 'models' }) },
  ];
}

/** The model at the top of the page. */
export function ModelPicker() {
  const current = useAnsweringModel();
  const models = useModels().data?.models ?? [];
  return (
    <Menu
      label={panelStrings.model}
      items={() => modelItems(models, current)}
      trigger={
        <button
          type="button"
          className="picker"
          data-model-picker
          data-tip={`${strings.empty.choose}\n${shortcutText('model')}`}
        >
          <span className="only-read-aloud">{panelStrings.model}: </span>
          <span className="truncate">{current ? modelName(current) : strings.loading}</span>
          <ChevronDown size={16} strokeWidth={1.75} aria-hidden />
        </button>
      }
    />
  );
}
