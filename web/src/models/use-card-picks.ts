import { useEffect, useMemo } from 'react';
import type { JudgedEntry, ListedModel } from '@corral/app/contracts/api/models';
import { useCatalogue, useModels } from '../api/queries.ts';
import { createStore, useStore } from '../state/store.ts';
import { listedModel } from './listed-model.ts';
import { picksOf } from './picks.ts';

/** What the card offered since the page was loaded: it stays as it is while one of them comes, and when it is here. */
const offered = createStore<readonly string[]>([]);

function offeredOf(entries: readonly JudgedEntry[], ids: readonly string[]): JudgedEntry[] {
  if (ids.length === 0) return picksOf(entries);
  return ids.flatMap((id) => entries.find((entry) => entry.id === id) ?? []);
}

/** One that was offered is here, and Cria would still answer: there is something to switch to. */
function hasNews(models: readonly ListedModel[], ids: readonly string[], current: string | null): boolean {
  const isCria = models.some((model) => model.id === current && model.bundled);
  return isCria && ids.some((id) => listedModel(models, id) !== undefined);
}

export interface CardPicks {
  /** None where the card has no place; undefined: not known yet. */
  picks: readonly JudgedEntry[] | undefined;
  /** Whether the next visit begins with the card. */
  isForNextVisit: boolean | undefined;
  isFailed: boolean;
}

/** The models to offer to who has only Cria; `current` would answer the next message. */
export function useCardPicks(isWanted: boolean, current: string | null): CardPicks {
  const models = useModels().data?.models;
  const ids = useStore(offered);
  const isOnlyCria = models?.every((model) => model.bundled);
  const isOffering = models && (isOnlyCria === true || hasNews(models, ids, current));
  const { data: catalogue, isLoadingError } = useCatalogue(isWanted && isOffering === true);
  const entries = catalogue?.entries;
  const picks = useMemo(() => {
    if (isOffering === undefined) return undefined;
    return isOffering ? entries && offeredOf(entries, ids) : [];
  }, [isOffering, entries, ids]);
  useEffect(() => {
    if (picks && picks.length > 0 && ids.length === 0) offered.set(picks.map(({ id }) => id));
  }, [picks, ids]);
  return {
    picks,
    isForNextVisit: isOnlyCria === true ? picks && picks.length > 0 : isOnlyCria,
    isFailed: isLoadingError,
  };
}
