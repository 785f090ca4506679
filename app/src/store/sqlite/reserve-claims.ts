import type { StoreCall } from '../operations/session.ts';
import type { Reserve } from './reserve.ts';

/** What calls may take of the reserve on a full disk, one slice before each try. */
export interface ReserveClaim {
  /** How much of what is held then is in slice `at`. */
  part: (at: number) => number;
  /** How much of the whole reserve they leave to others. */
  left: number;
}

const firstPart = 1 / 16;

/** They make room, so they may have all; but what a smaller slice is enough for leaves the rest to those that follow. */
const deleting: ReserveClaim = { part: (at) => Math.min(1, firstPart * 2 ** at), left: 0 };

/** They write little and come by themselves: new messages fill what they make free, so half is for deleting. */
const ending: ReserveClaim = { part: () => firstPart, left: 1 / 2 };

const claims = new Map<string, ReserveClaim>([
  ['trash', deleting],
  ['purgeTrash', deleting],
  ['purgeTrashEntry', deleting],
  ['erase', deleting],
  ['eraseOutboxEvents', deleting],
  ['trimOutbox', deleting],
  ['ageOutbox', ending],
  ['finishRun', ending],
  ['recordDeliveries', ending],
  ['setOutboxDisabled', ending],
  ['finishJob', ending],
  ['cancelJob', ending],
  ['purgeJobs', ending],
  ['purgeIdempotencyKeys', ending],
] satisfies [StoreCall, ReserveClaim][]);

/** Undefined for calls that have to wait until there is room. */
export function claimOf(callName: string): ReserveClaim | undefined {
  return claims.get(callName);
}

/** What stays in the log until that is folded was deleted, so this is a part of deleting. */
export const claimOfFolding = deleting;

/** False: there is nothing more for it. */
export function takeSlice(reserve: Reserve, claim: ReserveClaim, at: number): boolean {
  return reserve.release(claim.part(at), claim.left);
}
