import { useEffect, useState } from 'react';
import { Ghost } from 'lucide-react';
import { useModels, useSystem } from './api/queries.ts';
import { newChat } from './state/actions.ts';
import { useStore } from './state/store.ts';
import { useAnsweringModel } from './state/use-settings.ts';
import { strings } from './strings.ts';
import { remembered } from './ui/browser.ts';
import { Mark } from './ui/mark.tsx';
import { modelName } from './ui/model-name.ts';
import { later } from './ui/later.tsx';

const RealModelCard = later(() =>
  import('./models/real-model-card.tsx').then((module) => module.RealModelCard),
);

/** Whether the way to a real model is offered; known before the list is here from how it was the last time. */
function useCardWanted() {
  const models = useModels().data?.models;
  const [isDismissed, setDismissed] = useState(() => remembered.read('no-model-card', false));
  const hasOnlyCria = models?.every((model) => model.bundled) ?? remembered.read('only-cria', true);
  useEffect(() => {
    if (models) remembered.write('only-cria', hasOnlyCria);
  }, [models, hasOnlyCria]);
  const dismiss = (): void => {
    remembered.write('no-model-card', true);
    setDismissed(true);
  };
  return { isWanted: hasOnlyCria && !isDismissed, isKnown: models !== undefined, dismiss };
}

function TemporaryNote() {
  return (
    <p className="empty__temporary small soft">
      <Ghost size={16} strokeWidth={1.75} aria-hidden />
      <span>
        {strings.sidebar.temporary}. {strings.sidebar.temporaryNote}
      </span>
    </p>
  );
}

/** The first thing anybody sees: the operator's title and words, and the way to a real model. */
export function EmptyChat() {
  const { data: system, isError } = useSystem();
  const current = useAnsweringModel();
  const { isTemporary } = useStore(newChat);
  const card = useCardWanted();
  return (
    // Shown when its words are here: nothing moves afterwards, the card has its room below.
    <div
      className="empty"
      data-ready={system !== undefined || isError || undefined}
      data-card={card.isWanted || undefined}
    >
      <div className="empty__inner">
        <Mark size={44} />
        <h1 className="empty__title">{system?.title ?? strings.product}</h1>
        {system?.description && <p className="empty__description soft">{system.description}</p>}
        <div className="woven empty__woven" />
        <p className="small soft empty__model">{current && strings.empty.answersBy(modelName(current))}</p>
        {isTemporary && <TemporaryNote />}
        {card.isWanted && card.isKnown && <RealModelCard onDismiss={card.dismiss} />}
      </div>
    </div>
  );
}
