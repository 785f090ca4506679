import { lazy, Suspense, useState } from 'react';
import { Ghost } from 'lucide-react';
import { useModels, useSystem } from './api/queries.ts';
import { newChat } from './state/actions.ts';
import { useStore } from './state/store.ts';
import { useAnsweringModel } from './state/use-settings.ts';
import { strings } from './strings.ts';
import { remembered } from './ui/browser.ts';
import { Mark } from './ui/mark.tsx';
import { modelName } from './ui/model-name.ts';

const RealModelCard = lazy(() =>
  import('./models/real-model-card.tsx').then((module) => ({ default: module.RealModelCard })),
);

/** The first thing anybody sees: the operator's title and words, and the way to a real model. */
export function EmptyChat() {
  const system = useSystem().data;
  const models = useModels().data?.models;
  const current = useAnsweringModel();
  const { isTemporary } = useStore(newChat);
  const [isDismissed, setDismissed] = useState(() => remembered.read('no-model-card', false));
  const hasOnlyCria = models !== undefined && models.every((model) => model.bundled);
  return (
    <div className="empty">
      <div className="empty__inner">
        <Mark size={44} />
        <h1 className="empty__title">{system?.title ?? strings.product}</h1>
        {system?.description && <p className="empty__description soft">{system.description}</p>}
        <div className="woven empty__woven" />
        <p className="empty__greeting">{strings.empty.greeting}</p>
        {current && <p className="small soft">{strings.empty.answersBy(modelName(current))}</p>}
        {isTemporary && (
          <p className="chip">
            <Ghost size={14} aria-hidden /> {strings.sidebar.temporary}. {strings.sidebar.temporaryNote}
          </p>
        )}
        {hasOnlyCria && !isDismissed && (
          <Suspense fallback={null}>
            <RealModelCard
              onDismiss={() => {
                remembered.write('no-model-card', true);
                setDismissed(true);
              }}
            />
          </Suspense>
        )}
      </div>
    </div>
  );
}
