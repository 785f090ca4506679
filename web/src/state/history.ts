import { useEffect, useEffectEvent } from 'react';
import { randomId } from '../ui/browser.ts';

/**
 * What lies over the page (dialogs, sheets, drawers) has one entry of the browser's history for all of it, above the
 * place that it covers. Back closes the topmost; whatever is opened meanwhile uses the same entry, and another address
 * takes its place. Closed otherwise, the entry stays, because taking it out would be a step of its own that other steps
 * can overtake; Back then passes it without a stop.
 *
 * Opening one ends the browser's Forward list, as every step does that is not Back or Forward: an entry can only be
 * added at the end. An entry below each place instead, which Back would reach and return from, keeps that list; but
 * browsers pass over entries on which nobody did anything, and Back would leave the page with the dialog open.
 */
interface Entry {
  /** Another place of the page is before it. */
  isInside?: boolean;
  /** The name of a place that was covered. */
  place?: string;
  /** The name of the place that this entry covers. */
  over?: string;
}

type Close = () => void;

const read = (): Entry => (history.state as Entry | null) ?? {};

let entry = read();
/** The topmost last. */
const layers: Close[] = [];

function write(kind: 'push' | 'replace', next: Entry, hash?: string): void {
  if (kind === 'push') history.pushState(next, '', hash);
  else history.replaceState(next, '', hash);
  entry = next;
}

function cover(): void {
  const place = entry.place ?? randomId();
  write('replace', { ...entry, place });
  write('push', { ...(entry.isInside ? { isInside: true } : {}), over: place });
}

function closeAll(): void {
  for (const close of layers.splice(0).toReversed()) close();
}

function onBack(): void {
  const close = layers.pop();
  if (!close) {
    history.back();
    return;
  }
  close();
  if (layers.length > 0) cover();
}

addEventListener('popstate', () => {
  const { over } = entry;
  entry = read();
  if (over !== undefined && entry.place === over) onBack();
  else closeAll();
});

function addLayer(close: Close): () => void {
  layers.push(close);
  if (entry.over === undefined) cover();
  return () => {
    const index = layers.indexOf(close);
    if (index !== -1) layers.splice(index, 1);
  };
}

/** While the component is there, Back closes it. Without a way to close it, Back passes it by. */
export function useClosedByBack(close: Close | undefined): void {
  const onClose = useEffectEvent(() => close?.());
  const isClosable = close !== undefined;
  useEffect(() => (isClosable ? addLayer(() => onClose()) : undefined), [isClosable]);
}

/** Another place of the page; what lay over the one before is closed. */
export function pushAddress(hash: string): void {
  write(entry.over === undefined ? 'push' : 'replace', { isInside: true }, hash);
  closeAll();
}

/** Another address for the same place, without another step for Back; what lies over it stays. */
export function replaceAddress(hash: string): void {
  const isInside = entry.isInside === true || entry.over !== undefined;
  write('replace', isInside ? { isInside } : {}, hash);
  if (layers.length > 0) cover();
}

/** One place back, where there is one in the page. */
export function leavePlace(): boolean {
  if (entry.isInside) history.back();
  return entry.isInside === true;
}
