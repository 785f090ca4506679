import { pushAddress, replaceAddress } from './history.ts';
import { remembered } from '../ui/browser.ts';
import { createStore } from './store.ts';

/** What the page shows. The address behind `#` never reaches a server or its log. */
export type Route =
  | { view: 'new' }
  | { view: 'chat'; chatId: string; messageId?: string }
  | { view: 'models' }
  | { view: 'settings'; section: string };

function parse(hash: string): Route {
  const [view, id, messageId] = hash.replace(/^#\/?/, '').split('/');
  if (view === 'c' && id) return { view: 'chat', chatId: id, ...(messageId ? { messageId } : {}) };
  if (view === 'models') return { view: 'models' };
  if (view === 'settings') return { view: 'settings', section: id ?? 'appearance' };
  return { view: 'new' };
}

export function hashOf(route: Route): string {
  if (route.view === 'chat') return `#/c/${route.chatId}${route.messageId ? `/${route.messageId}` : ''}`;
  if (route.view === 'models') return '#/models';
  if (route.view === 'settings') return `#/settings/${route.section}`;
  return '#/';
}

const placeName = 'place';

/** The chat that this browser shows, null for a new one: where the page goes that is opened without an address. */
export function rememberPlace(chatId: string | null): void {
  remembered.write(placeName, chatId ?? undefined);
}

/** The chat that the page came back to by itself: nobody asked for it nor saw it yet, and it may be gone. */
let cameBackTo = location.hash === '' ? remembered.read<string | null>(placeName, null) : null;

function first(): Route {
  const route: Route = cameBackTo === null ? parse(location.hash) : { view: 'chat', chatId: cameBackTo };
  // A reload is no visit: it stays where it is, wherever other tabs have gone meanwhile.
  if (location.hash === '') replaceAddress(hashOf(route));
  return route;
}

export const currentRoute = createStore<Route>(first());
currentRoute.subscribe(forgetReturn);

export const isReturn = (chatId: string): boolean => chatId === cameBackTo;

/** It was shown, or another place was: from now on it is a chat like any other. */
export function forgetReturn(): void {
  cameBackTo = null;
}

addEventListener('hashchange', () => currentRoute.set(parse(location.hash)));

export function goTo(route: Route, isReplacing = false): void {
  const hash = hashOf(route);
  if (isReplacing) replaceAddress(hash);
  else if (location.hash !== hash) pushAddress(hash);
  currentRoute.set(route);
}

/** A link to where the page is already changes no address; who follows it wants to see again what it names. */
export function followAgain(hash: string): void {
  if (location.hash === hash) currentRoute.set(parse(hash));
}
