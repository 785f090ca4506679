import { portOf } from '../net/destination.ts';

/** What the server listens on, by the address it gives itself; nothing while it does not listen. */
export function portsOf(address: string | null): number[] {
  return address === null ? [] : [portOf(new URL(address))];
}
