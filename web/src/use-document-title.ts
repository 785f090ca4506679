import { useEffect } from 'react';
import { useSystem } from './api/queries.ts';
import { activity } from './state/activity.ts';
import { useStore } from './state/store.ts';
import { strings } from './strings.ts';

/** The tab's name and mark: a dot when an answer is ready that nobody has looked at. */
export function useDocumentTitle(chatTitle: string | null): void {
  const title = useSystem().data?.title ?? strings.product;
  const { unread } = useStore(activity);
  const isReady = unread.size > 0;
  useEffect(() => {
    const name = chatTitle ? `${chatTitle} · ${title}` : title;
    document.title = isReady ? `● ${name}` : name;
    const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
    if (icon) icon.href = isReady ? '/favicon-ready.svg' : '/favicon.svg';
  }, [chatTitle, title, isReady]);
}
