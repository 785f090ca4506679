import { useState, type SubmitEvent } from 'react';
import type { ListedModel } from '@corral/app/contracts/api/models';
import { Plus } from 'lucide-react';
import { invalidate, keys, useAdapters } from '../api/queries.ts';
import { modelsApi } from '../api/resources.ts';
import { viewStrings } from '../strings-views.ts';
import { Button } from '../ui/button.tsx';
import { focusAtMount } from '../ui/focus-at-mount.ts';
import { FormButtons } from '../ui/form-buttons.tsx';
import { formText } from '../ui/form-text.ts';
import { modelName } from '../ui/model-name.ts';
import { attempt } from '../ui/problems.ts';
import { bytes } from '../ui/times.ts';

const words = viewStrings.models;

type Adapter = NonNullable<ReturnType<typeof useAdapters>['data']>['adapters'][number];

function AdapterRow({ adapter }: { adapter: Adapter }) {
  const remove = (): void =>
    attempt(async () => {
      await modelsApi.removeAdapter(adapter.id, adapter.base);
      invalidate(keys.adapters, keys.models, keys.disk);
    });
  return (
    <li className="pick">
      <div className="pick__text">
        <span className="pick__title">{modelName(adapter.id)}</span>
        <span className="small soft figures pick__figures">
          <span>{words.adapterOf(modelName(adapter.base))}</span>
          <span>{bytes(adapter.sizeBytes)}</span>
          {adapter.rank !== null && <span>{words.rank(adapter.rank)}</span>}
        </span>
      </div>
      <Button kind="quiet" aria-label={`${words.remove} ${modelName(adapter.id)}`} onClick={remove}>
        {words.remove}
      </Button>
    </li>
  );
}

/** Where the base is not chosen, the adapter's own files say what it belongs to. */
function AddAdapter({ models, onDone }: { models: readonly ListedModel[]; onDone: () => void }) {
  const submit = (event: SubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const reference = formText(form, 'reference');
    const base = formText(form, 'base');
    if (reference === '') return;
    attempt(async () => {
      await modelsApi.addAdapter(base !== '' ? { reference, base } : { reference });
      invalidate(keys.jobs);
      onDone();
    });
  };
  return (
    <form className="form card" onSubmit={submit} aria-label={words.addAdapter}>
      <label className="form__field">
        {words.adapterName}
        <input
          name="reference"
          className="field"
          placeholder={words.adapterPlaceholder}
          spellCheck={false}
          required
          ref={focusAtMount}
        />
      </label>
      <label className="form__field">
        {words.adapterBase}
        <select name="base" className="field" defaultValue="">
          <option value="">{words.adapterBaseAsSaid}</option>
          {models.map(({ id }) => (
            <option key={id} value={id}>
              {modelName(id)}
            </option>
          ))}
        </select>
      </label>
      <FormButtons submit={words.pull} onCancel={onDone} />
    </form>
  );
}

/** Small changes to a model, switched on in the side panel with a scale. */
export function AdapterList({ models }: { models: readonly ListedModel[] }) {
  const adapters = useAdapters().data?.adapters ?? [];
  const [isAdding, setAdding] = useState(false);
  return (
    <section className="view__section">
      <h2>{words.adapters}</h2>
      <p className="small soft">{words.adaptersWhy}</p>
      <ul className="picks">
        {adapters.map((adapter) => (
          <AdapterRow key={`${adapter.base} ${adapter.id}`} adapter={adapter} />
        ))}
      </ul>
      {isAdding ? (
        <AddAdapter models={models.filter(({ kind }) => kind === 'local')} onDone={() => setAdding(false)} />
      ) : (
        <Button onClick={() => setAdding(true)}>
          <Plus size={16} strokeWidth={1.75} aria-hidden />
          {words.addAdapter}
        </Button>
      )}
    </section>
  );
}
