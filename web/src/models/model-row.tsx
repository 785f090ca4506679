import { useState } from 'react';
import type { ListedModel } from '@corral/app/contracts/api/models';
import { invalidate, keys } from '../api/queries.ts';
import { modelsApi } from '../api/resources.ts';
import { startChatWith } from '../state/actions.ts';
import { strings } from '../strings.ts';
import { viewStrings } from '../strings-views.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { modelName } from '../ui/model-name.ts';
import { attempt } from '../ui/problems.ts';
import { showToast } from '../ui/toasts.tsx';
import { bytes } from '../ui/times.ts';

const words = viewStrings.models;

function RemoveDialog({ model, onClose }: { model: ListedModel; onClose: () => void }) {
  const remove = (): void => {
    onClose();
    attempt(async () => {
      const { freedBytes } = await modelsApi.remove(model.id);
      invalidate(keys.models, keys.disk, keys.catalogue);
      showToast({ text: `${words.removed(modelName(model.id))}, ${bytes(freedBytes)}` });
    });
  };
  return (
    <Dialog
      title={words.removeTitle(modelName(model.id))}
      description={words.removeWhy(bytes(model.record?.sizeBytes ?? 0))}
      onClose={onClose}
    >
      <div className="card__row">
        <Button kind="quiet" onClick={onClose}>
          {strings.cancel}
        </Button>
        <Button kind="danger" onClick={remove}>
          {words.remove}
        </Button>
      </div>
    </Dialog>
  );
}

function unload(model: ListedModel): void {
  attempt(async () => {
    await modelsApi.unload(model.id);
    invalidate(keys.models);
  });
}

function ModelActions({ model }: { model: ListedModel }) {
  const [isRemoving, setRemoving] = useState(false);
  const isLocal = model.kind === 'local';
  return (
    <div className="pick__actions">
      <Button onClick={() => startChatWith(model.id)}>{words.use}</Button>
      {model.state === 'loaded' && isLocal && (
        <Button kind="quiet" onClick={() => unload(model)}>
          {words.unload}
        </Button>
      )}
      {!model.bundled && isLocal && (
        <Button kind="quiet" onClick={() => setRemoving(true)}>
          {words.remove}
        </Button>
      )}
      {isRemoving && <RemoveDialog model={model} onClose={() => setRemoving(false)} />}
    </div>
  );
}

function factsOf({ bundled, record, provider }: ListedModel): string[] {
  const facts = [
    bundled ? words.bundled : (record?.licence ?? provider),
    record && bytes(record.sizeBytes),
    record?.quantisation,
    record && words.context(record.trainedContextTokens),
  ];
  return facts.filter((fact) => typeof fact === 'string');
}

/** A model that can be used now. */
export function ModelRow({ model }: { model: ListedModel }) {
  return (
    <li className="pick">
      <div className="pick__text">
        <span className="pick__title">
          {modelName(model.id)}
          {model.state !== 'unloaded' && <span className="chip">{words.states[model.state]}</span>}
        </span>
        {model.id !== modelName(model.id).toLowerCase() && (
          <span className="small soft truncate">{model.id}</span>
        )}
        <span className="small soft figures pick__figures">
          {factsOf(model).map((fact) => (
            <span key={fact}>{fact}</span>
          ))}
        </span>
        {model.templateFaults.map((fault) => (
          <span key={fault} className="small soft">
            {fault}
          </span>
        ))}
      </div>
      <ModelActions model={model} />
    </li>
  );
}
