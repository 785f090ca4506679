import { useCatalogue, useDisk, useModels } from '../api/queries.ts';
import { viewStrings } from '../strings-views.ts';
import { bytes } from '../ui/times.ts';
import { ViewHead } from '../ui/view-head.tsx';
import '../styles/views.css';
import { AdapterList } from './adapter-list.tsx';
import { CatalogueRow } from './catalogue-row.tsx';
import { JobList } from './job-list.tsx';
import { ModelRow } from './model-row.tsx';
import { PasteModel } from './paste-model.tsx';

const words = viewStrings.models;

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
      <PasteModel />
      <JobList />
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
      <AdapterList models={list} />
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
