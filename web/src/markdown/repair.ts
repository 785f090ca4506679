import remend from 'remend';

/** Half-typed markup as it will be: open emphasis is closed, an open link is its text. */
export function repair(text: string): string {
  return remend(text, { linkMode: 'text-only' });
}
