import { useEffect, useState } from 'react';
import { Ghost } from 'lucide-react';
import { useSystem } from './api/queries.ts';
import { useCardPicks } from './models/use-card-picks.ts';
import { useNewChat } from './state/new-chat.ts';
import { useAnsweringModel } from './state/use-settings.ts';
import { strings } from './strings.ts';
import { remembered } from './ui/browser.ts';
import { Mark } from './ui/mark.tsx';
import { modelName } from './ui/model-name.ts';
import { later } from './ui/later.tsx';

const RealModelCard = later(() =>
  import('./models/real-model-card.tsx').then((module) => module.RealModelCard),
);

/**
 * The way to a real model, for who has only Cria and a machine that can hold another. Its room is kept from the first
 * drawing on if there was a card the last time; which models there are is known only later.
 */
function useCard(current: string | null) {
  const [isDismissed, setDismissed] = useState(() => remembered.read('no-model-card', false));
  const { picks, isForNextVisit, isFailed } = useCardPicks(!isDismissed, current);
  const isOffered = picks && picks.length > 0;
  useEffect(() => {
    if (isForNextVisit !== undefined) remembered.write('model-card', isForNextVisit);
  }, [isForNextVisit]);
  const dismiss = (): void => {
    remembered.write('no-model-card', true);
    setDismissed(true);
  };
  const hasRoom = !isDismissed && !isFailed && (isOffered ?? remembered.read('model-card', true));
  return { hasRoom, picks, dismiss };
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
  const { isTemporary } = useNewChat();
  const card = useCard(current);
  return (
    // Shown when its words are here: nothing moves afterwards, the card has its room below.
    <div
      className="empty"
      data-ready={system !== undefined || isError || undefined}
      data-card={card.hasRoom || undefined}
    >
      <div className="empty__inner">
        <Mark size={44} />
        <h1 className="empty__title">{system?.title ?? strings.product}</h1>
        {system?.description && <p className="empty__description soft">{system.description}</p>}
        <div className="woven empty__woven" />
        <p className="small soft empty__model">{current && strings.empty.answersBy(modelName(current))}</p>
        {isTemporary && <TemporaryNote />}
        {card.hasRoom && card.picks && <RealModelCard picks={card.picks} onDismiss={card.dismiss} />}
      </div>
    </div>
  );
}
