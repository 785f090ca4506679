import * as fc from 'fast-check';
import type { Chat, ChatSettings } from '@corral/app/contracts/chats';
import { expect, test } from 'vitest';
import { ApiError } from '../api/request.ts';
import { SettingsChanges } from './settings-changes.ts';

const empty: Chat = {
  id: '0190a0a0-0000-7000-8000-000000000002',
  title: '',
  titleSource: 'none',
  folder: null,
  tags: [],
  pinned: false,
  temporary: false,
  settings: {},
  version: 1,
  activeLeafId: null,
  messageCount: 0,
  createdAt: 0,
  updatedAt: 0,
  trashedAt: null,
};

type Step = 'change' | 'other tab' | 'ask' | 'answer';
const steps = fc.array(fc.constantFrom<Step>('change', 'other tab', 'ask', 'answer'), { maxLength: 40 });

/** A server whose answers arrive when the test says so, in the order in which they were asked for or not. */
class Line {
  chat = empty;
  #arrivals: (() => void)[] = [];

  answer<Value>(value: () => Value): Promise<Value> {
    return new Promise((resolve, reject) => {
      let result: Value;
      try {
        result = value();
      } catch (error) {
        this.#arrivals.push(() => reject(error));
        return;
      }
      this.#arrivals.push(() => resolve(result));
    });
  }

  save(settings: ChatSettings, version: number): Promise<Chat> {
    return this.answer(() => {
      if (version !== this.chat.version)
        throw new ApiError(409, { code: 'conflict', message: 'Somebody else changed it.' });
      return (this.chat = { ...this.chat, settings, version: version + 1 });
    });
  }

  get isQuiet(): boolean {
    return this.#arrivals.length === 0;
  }

  async arrive(index: number): Promise<void> {
    this.#arrivals.splice(index % Math.max(1, this.#arrivals.length), 1)[0]?.();
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  }
}

test('a change is shown from the moment it is made, whatever arrives in between, and is saved', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.infiniteStream(fc.nat(9)), async (sequence, order) => {
      const line = new Line();
      let shown = empty;
      const look = async (): Promise<void> => {
        shown = changes.taken(await line.answer(() => line.chat));
      };
      const changes = new SettingsChanges({
        save: (settings, version) => line.save(settings, version),
        lookAgain: look,
        onShown: (part) => (shown = { ...shown, ...part }),
      });
      shown = changes.taken(empty);
      const made: Promise<unknown>[] = [];
      let topK = 0;
      let lost = 0;
      let onTheirWay = 0;
      for (const step of sequence) {
        if (step === 'change') {
          const value = ++topK;
          const change = (settings: ChatSettings): ChatSettings => ({
            ...settings,
            sampling: { ...settings.sampling, topK: value },
          });
          onTheirWay++;
          made.push(
            changes
              .make(change)
              .catch(() => lost++)
              .finally(() => onTheirWay--),
          );
        } else if (step === 'other tab') {
          const { chat } = line;
          line.chat = {
            ...chat,
            settings: { ...chat.settings, format: 'chatml' },
            version: chat.version + 1,
          };
        } else if (step === 'ask') void look();
        else await line.arrive(order.next().value ?? 0);
        if (lost === 0 && onTheirWay > 0) expect(shown.settings.sampling?.topK).toBe(topK);
      }
      const state = { isMade: false };
      void Promise.all(made).then(() => (state.isMade = true));
      while (!state.isMade || !line.isQuiet) await line.arrive(0);
      // What was asked for before and came late is not kept out here: see `ChatSession.load`.
      void look();
      while (!line.isQuiet) await line.arrive(0);
      expect(shown).toEqual(line.chat);
      if (lost === 0 && topK > 0) expect(line.chat.settings.sampling?.topK).toBe(topK);
    }),
    { numRuns: 500 },
  );
});

test('a change that cannot be saved is told, and what is saved is shown again', async () => {
  let shown = empty;
  const changes = new SettingsChanges({
    save: () => Promise.reject(new TypeError('Failed to fetch')),
    lookAgain: () => Promise.resolve(),
    onShown: (part) => (shown = { ...shown, ...part }),
  });
  shown = changes.taken(empty);
  const made = changes.make((settings) => ({ ...settings, format: 'chatml' }));
  expect(shown.settings.format).toBe('chatml');
  await expect(made).rejects.toThrow('Failed to fetch');
  expect(shown.settings).toEqual({});
});

test('a change that is made before the chat is here is saved when it is, and told where it never comes', async () => {
  let saved: ChatSettings = {};
  let here = (): void => undefined;
  const chat = new Promise<Chat>((resolve) => (here = () => resolve(empty)));
  const changes = new SettingsChanges({
    save: (settings) => Promise.resolve({ ...empty, settings: (saved = settings) }),
    lookAgain: async () => void changes.taken(await chat),
    onShown: () => undefined,
  });
  const made = changes.make((settings) => ({ ...settings, format: 'chatml' }));
  here();
  await made;
  expect(saved).toEqual({ format: 'chatml' });

  const without = new SettingsChanges({
    save: () => Promise.resolve(empty),
    lookAgain: () => Promise.resolve(),
    onShown: () => undefined,
  });
  await expect(without.make((settings) => settings)).rejects.toThrow('Not saved.');
  await without.settled();
});
