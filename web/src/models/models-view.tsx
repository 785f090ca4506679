import { useState } from 'react';
import type { ShownJob } from '@corral/app/contracts/api/jobs';
import type { ListedModel } from '@corral/app/contracts/api/models';
import { useMutation } from '@tanstack/react-query';
import { invalidate, keys, useAdapters, useCatalogue, useDisk, useJobs, useModels } from '../api/queries.ts';
import { modelsApi } from '../api/resources.ts';
import { changeSettings, startNewChat } from '../state/actions.ts';
import { strings } from '../strings.ts';
import { viewStrings } from '../strings-views.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { modelName } from '../ui/model-name.ts';
import { attempt } from '../ui/problems.ts';
import { showToast } from '../ui/toasts.tsx';
import { bytes } from '../ui/times.ts';
import { ViewHead } from '../ui/view-head.tsx';
import '../styles/views.css';
import { CatalogueRow } from './catalogue-row.tsx';
import { isActive, JobProgress } from './job-progress.tsx';
import { PreflightCard } from './preflight-card.tsx';

const words = viewStrings.models;

function use(model: string): void {
  startNewChat();
  changeSettings((settings) => ({ ...settings, model }));
}

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
      <Button onClick={() => use(model.id)}>{words.use}</Button>
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

function ModelRow({ model }: { model: ListedModel }) {
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
      </div>
      <ModelActions model={model} />
    </li>
  );
}

function Paste() {
  const [reference, setReference] = useState('');
  const check = useMutation({ mutationFn: (wanted: string) => modelsApi.preflight(wanted) });
  return (
    <section className="card paste-card" aria-label={words.paste}>
      <form
        className="paste"
        onSubmit={(event) => {
          event.preventDefault();
          if (reference.trim() !== '') check.mutate(reference.trim());
        }}
      >
        <label className="form__field paste__field">
          {words.paste}
          <input
            className="field"
            placeholder={words.pastePlaceholder}
            value={reference}
            spellCheck={false}
            onChange={(event) => {
              setReference(event.target.value);
              check.reset();
            }}
          />
        </label>
        <Button kind="primary" type="submit" disabled={check.isPending || reference.trim() === ''}>
          {check.isPending ? words.checking : words.check}
        </Button>
      </form>
      {check.isPending && <div className="woven woven--moving" />}
      <PreflightCard
        preflight={check.data ?? null}
        error={check.error}
        onStarted={() => {
          setReference('');
          check.reset();
        }}
      />
    </section>
  );
}

function referenceOf(job: ShownJob): string {
  const { reference } = job.payload;
  return typeof reference === 'string' ? reference : job.kind;
}

function Jobs() {
  const jobs = (useJobs().data?.jobs ?? []).filter(
    (job) => job.kind === 'pull' && (isActive(job) || job.state === 'cancelled' || job.state === 'failed'),
  );
  if (jobs.length === 0) return null;
  return (
    <section className="view__section">
      <h2>{words.jobs}</h2>
      <ul className="picks">
        {jobs.slice(0, 8).map((job) => (
          <li key={job.id} className="pick">
            <div className="pick__text">
              <span className="pick__title truncate">{referenceOf(job)}</span>
              {job.error && (
                <span className="small problem">
                  {job.error.message} {job.error.hint}
                </span>
              )}
            </div>
            <JobProgress job={job} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function AdapterList() {
  const adapters = useAdapters().data?.adapters ?? [];
  if (adapters.length === 0) return null;
  return (
    <section className="view__section">
      <h2>{words.adapters}</h2>
      <ul className="picks">
        {adapters.map((adapter) => (
          <li key={adapter.id} className="pick">
            <div className="pick__text">
              <span className="pick__title">{modelName(adapter.id)}</span>
              <span className="small soft figures">
                {adapter.base} · {bytes(adapter.sizeBytes)}
              </span>
            </div>
            <Button
              kind="quiet"
              onClick={() =>
                attempt(async () => {
                  await modelsApi.removeAdapter(adapter.id);
                  invalidate(keys.adapters, keys.models, keys.disk);
                })
              }
            >
              {words.remove}
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function ModelsView() {
  const models = useModels();
  const catalogue = useCatalogue();
  const disk = useDisk().data;
  const list = models.data?.models ?? [];
  const toGet = (catalogue.data?.entries ?? []).filter((entry) => !entry.here);
  return (
    <div className="view">
      <ViewHead title={words.title} />
      {disk && <p className="soft figures">{words.disk(bytes(disk.usedBytes), bytes(disk.freeBytes))}</p>}
      <Paste />
      <Jobs />
      <section className="view__section">
        <h2>{words.here}</h2>
        {models.isError && (
          <p className="problem" role="alert">
            {models.error.message}
          </p>
        )}
        <ul className="picks">
          {list.map((model) => (
            <ModelRow key={model.id} model={model} />
          ))}
        </ul>
      </section>
      <AdapterList />
      {toGet.length > 0 && (
        <section className="view__section">
          <h2>{words.available}</h2>
          <ul className="picks">
            {toGet.map((entry) => (
              <CatalogueRow key={entry.id} entry={entry} />
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}
