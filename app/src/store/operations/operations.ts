import { chatReading } from './chat-reading.ts';
import { chatWriting } from './chat-writing.ts';
import { erasing } from './erase.ts';
import { exchangeReading, exchangeWriting } from './exchange.ts';
import { jobReading, jobWriting } from './jobs.ts';
import { outboxReading, outboxWriting } from './outbox.ts';
import { providerReading, providerWriting } from './providers.ts';
import { acceptanceReading, runBoundaries } from './run-boundaries.ts';
import { runReading, runWriting } from './runs.ts';
import { searching } from './search.ts';
import type { Operations, Session, StoreCall } from './session.ts';
import { settingsReading, settingsWriting } from './settings.ts';
import { trashReading, trashWriting } from './trash.ts';

/** Calls that change nothing; another thread or connection may answer them. */
export const readOperations = {
  ...chatReading,
  ...runReading,
  ...acceptanceReading,
  ...outboxReading,
  ...settingsReading,
  ...providerReading,
  ...jobReading,
  ...exchangeReading,
  ...searching,
  ...trashReading,
};

export const writeOperations = {
  ...chatWriting,
  ...runBoundaries,
  ...runWriting,
  ...outboxWriting,
  ...settingsWriting,
  ...providerWriting,
  ...jobWriting,
  ...exchangeWriting,
  ...erasing,
  ...trashWriting,
};

export type ReadCall = keyof typeof readOperations;

// Together they are the whole port, each with the port's own types.
const complete: Operations<StoreCall> = { ...readOperations, ...writeOperations };

export const callNames = Object.keys(complete) as StoreCall[];

export const readCallNames = Object.keys(readOperations) as StoreCall[];
export const writeCallNames = Object.keys(writeOperations) as StoreCall[];

const textCalls = new Set([
  'createChat',
  'updateChat',
  'duplicateChat',
  'addMessage',
  'updateMessage',
  'acceptRuns',
  'appendJournal',
  'importChats',
  'setPreferences',
  'savePreset',
] satisfies StoreCall[] as string[]);

/**
 * Whether a call puts down what somebody wrote. That it was taken proves that there is room for as much; other calls may
 * have had nothing to write.
 */
export function writesText(name: string): boolean {
  return textCalls.has(name);
}

export function isRead(name: string): name is ReadCall {
  return name in readOperations;
}

/** For dispatch by name: the types were checked where the call was made. */
export function runOperation(session: Session, name: StoreCall, parameters: unknown[]): Promise<unknown> {
  const operation = complete[name] as (session: Session, ...parameters: unknown[]) => Promise<unknown>;
  return operation(session, ...parameters);
}

/** About as much as a call would write. */
export function sizeOfCall(parameters: unknown): number {
  return JSON.stringify(parameters).length;
}
