import { useState, type SubmitEvent } from 'react';
import type { Provider } from '@corral/app/contracts/api/providers';
import { Lock } from 'lucide-react';
import { invalidate, keys, useProviders } from '../api/queries.ts';
import { providersApi } from '../api/resources.ts';
import { limitParameters, samplingParameters } from '../panel/parameters.ts';
import { strings } from '../strings.ts';
import { viewStrings } from '../strings-views.ts';
import { Button } from '../ui/button.tsx';
import { FormButtons } from '../ui/form-buttons.tsx';
import { formText } from '../ui/form-text.ts';
import { attempt } from '../ui/problems.ts';
import { showToast } from '../ui/toasts.tsx';

const words = viewStrings.settings;

const parameterLabels = new Map(
  [...samplingParameters, ...limitParameters].map(({ name, label }) => [
    name.replace('sampling.', ''),
    label,
  ]),
);

/** What the service is and takes; what it does not take stands here and in each receipt. */
function Capabilities({
  of: known,
  models,
}: Pick<Provider, 'models'> & { of: NonNullable<Provider['capabilities']> }) {
  const missing = known.notSampling
    .map((name) => parameterLabels.get(name))
    .filter((label) => label !== undefined);
  const facts = [
    known.title,
    models === null ? '' : words.providerModels(models),
    missing.length === 0 ? '' : words.providerMisses(missing.join(', ')),
    known.continueAnswer ? '' : words.providerNeedsContinue,
  ].filter((fact) => fact !== '');
  return <span className="small soft">{facts.join(' · ')}</span>;
}

function ProviderRow({ provider }: { provider: Provider }) {
  const check = (): void =>
    attempt(async () => {
      const { models } = await providersApi.check(provider.name);
      invalidate(keys.providers, keys.models);
      showToast({ text: words.providerAnswers(provider.name, models.length) });
    });
  return (
    <li className="pick">
      <div className="pick__text">
        <span className="pick__title">
          {provider.name}
          {provider.locked && <Lock size={13} aria-label={words.locked} />}
          <span className="chip">{words.providerStates[provider.state]}</span>
        </span>
        <span className="small soft truncate">
          {provider.kind}, {provider.url}, {provider.hasKey ? words.hasKey : words.hasNoKey}
        </span>
        {provider.capabilities && <Capabilities of={provider.capabilities} models={provider.models} />}
        {provider.error && (
          <span className="small problem">
            {provider.error} {provider.hint}
          </span>
        )}
      </div>
      <div className="pick__actions">
        <Button onClick={check}>{words.check}</Button>
        {!provider.locked && (
          <Button
            kind="quiet"
            onClick={() =>
              attempt(async () => {
                await providersApi.remove(provider.name);
                invalidate(keys.providers, keys.models);
              })
            }
          >
            {strings.remove}
          </Button>
        )}
      </div>
    </li>
  );
}

function AddProvider({ onDone }: { onDone: () => void }) {
  const submit = (event: SubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string): string => formText(form, name);
    attempt(async () => {
      const key = text('key');
      await providersApi.save(text('name'), {
        kind: text('kind') as Provider['kind'],
        url: text('url'),
        ...(key === '' ? {} : { key }),
      });
      invalidate(keys.providers, keys.models);
      onDone();
    });
  };
  return (
    <form className="form card" onSubmit={submit}>
      <label className="form__field">
        {words.providerName}
        <input name="name" className="field" pattern="[a-z][a-z0-9\-]{0,31}" required />
      </label>
      <label className="form__field">
        {words.providerKind}
        <select name="kind" className="field" defaultValue="openai">
          {(Object.keys(words.providerKinds) as Provider['kind'][]).map((kind) => (
            <option key={kind} value={kind}>
              {words.providerKinds[kind]}
            </option>
          ))}
        </select>
      </label>
      <label className="form__field">
        {words.providerAddress}
        <input name="url" type="url" className="field" placeholder={words.providerAddressStart} required />
      </label>
      <label className="form__field">
        {words.providerKey}
        <input name="key" type="password" className="field" autoComplete="off" />
      </label>
      <FormButtons submit={strings.save} onCancel={onDone} />
    </form>
  );
}

export function Providers() {
  const { data, error } = useProviders();
  const [isAdding, setAdding] = useState(false);
  const providers = data?.providers ?? [];
  return (
    <>
      <p className="soft">{words.providersNote}</p>
      {error && <p className="problem">{error.message}</p>}
      {data && providers.length === 0 && <p>{words.providersNone}</p>}
      <ul className="picks">
        {providers.map((provider) => (
          <ProviderRow key={provider.name} provider={provider} />
        ))}
      </ul>
      {isAdding ? (
        <AddProvider onDone={() => setAdding(false)} />
      ) : (
        <Button onClick={() => setAdding(true)}>{words.addProvider}</Button>
      )}
    </>
  );
}
