import { useState } from 'react';
import { useMutation } from '@tanstack/react-query';
import { modelsApi } from '../api/resources.ts';
import { viewStrings } from '../strings-views.ts';
import { Button } from '../ui/button.tsx';
import { PreflightCard } from './preflight-card.tsx';

const words = viewStrings.models;

/** A name or a link, looked up before anything is fetched. */
export function PasteModel() {
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
