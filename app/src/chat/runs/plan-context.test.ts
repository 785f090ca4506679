import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CountResult, Prompt } from '../../engine/engine.ts';
import { contextTooLong, planContext, promptOf, type PlanMessage, type PlanRequest } from './plan-context.ts';

/** One token a character and three around each message; the first message costs ten more, as real formats do. */
const engine = {
  async count(prompt: Prompt): Promise<CountResult> {
    if (prompt.kind !== 'chat') throw new Error('only chats are planned');
    const messageTokens = prompt.messages.map(
      ({ content }, index) => content.length + 3 + (index === 0 ? 10 : 0),
    );
    const totalTokens = messageTokens.reduce((sum, tokens) => sum + tokens, 2);
    return { messageTokens, overheadTokens: 2, totalTokens, exact: true };
  },
};

function talk(exchanges: number, length: number, pinned: readonly string[] = []): PlanMessage[] {
  const messages: PlanMessage[] = [];
  const add = (id: string, role: PlanMessage['role']): void =>
    void messages.push({ id, role, content: id.padEnd(length, '.'), pinned: pinned.includes(id) });
  for (let index = 1; index <= exchanges; index++) {
    add(`u${index}`, 'user');
    add(`a${index}`, 'assistant');
  }
  add('now', 'user');
  return messages;
}

function request(branch: readonly PlanMessage[], more: Partial<PlanRequest> = {}): PlanRequest {
  return {
    branch,
    systemPrompt: null,
    format: null,
    rememberExchanges: null,
    maxNewTokens: 50,
    contextTokens: 300,
    continueAnswer: false,
    ...more,
  };
}

const seenIds = (plan: { messages: { messageId: string | null; seen: boolean }[] }): (string | null)[] =>
  plan.messages.filter((message) => message.seen).map((message) => message.messageId);

describe('the context plan', () => {
  test('shows everything that fits', async () => {
    const plan = await planContext(engine, request(talk(2, 20)));
    expect(plan).toMatchObject({ fits: true, exact: true, droppedMessageIds: [], firstSeenMessageId: null });
    expect(plan.messages).toHaveLength(5);
  });

  test('keeps a prompt as short as the model takes it, though the context is longer', async () => {
    const plan = await planContext(engine, request(talk(8, 30), { mostPromptTokens: 150 }));
    expect(plan).toMatchObject({ fits: true, contextTokens: 300, reservedTokens: 50 });
    expect(plan.promptTokens).toBeLessThanOrEqual(150);
    expect(plan.firstSeenMessageId).toBe('u8');
    const roomy = await planContext(engine, request(talk(2, 20), { mostPromptTokens: 280 }));
    expect(roomy).toMatchObject({ fits: true, reservedTokens: 50 });
    const small = await planContext(engine, request(talk(2, 20), { mostPromptTokens: 400 }));
    expect(small).toMatchObject({ fits: true, reservedTokens: 50 });
  });

  test('drops whole exchanges, oldest first, and says where the model begins to see', async () => {
    const plan = await planContext(engine, request(talk(8, 30)));
    expect(plan.fits).toBe(true);
    expect(plan.promptTokens).toBeLessThanOrEqual(250);
    expect(seenIds(plan)).toEqual(['u6', 'a6', 'u7', 'a7', 'u8', 'a8', 'now']);
    expect(plan.droppedMessageIds.slice(0, 2)).toEqual(['u1', 'a1']);
    expect(plan.firstSeenMessageId).toBe('u6');
    const dropped = plan.messages.filter((message) => !message.seen);
    expect(dropped.map((message) => message.tokens)).toEqual([43, ...dropped.slice(1).map(() => 33)]);
  });

  test('keeps system prompt and pinned exchanges, whatever goes', async () => {
    const branch = talk(8, 30, ['a2']);
    const plan = await planContext(engine, request(branch, { systemPrompt: 'Be kind.' }));
    const seen = seenIds(plan);
    expect(seen.slice(0, 3)).toEqual([null, 'u2', 'a2']);
    expect(seen.at(-1)).toBe('now');
    expect(plan.messages.find((message) => message.messageId === 'a2')?.why).toBe('pinned');
    expect(plan.fits).toBe(true);
  });

  test('remembers the last N exchanges', async () => {
    const plan = await planContext(engine, request(talk(6, 5), { rememberExchanges: 2 }));
    expect(seenIds(plan)).toEqual(['u5', 'a5', 'u6', 'a6', 'now']);
    expect(plan.messages[0]).toMatchObject({ seen: false, why: 'not-remembered', tokens: 18 });
    const none = await planContext(engine, request(talk(6, 5), { rememberExchanges: 0 }));
    expect(seenIds(none)).toEqual(['now']);
  });

  test('a message that cannot fit is told with the counts', async () => {
    const plan = await planContext(engine, request(talk(1, 400)));
    expect(plan.fits).toBe(false);
    expect(contextTooLong(plan, {})).toMatchObject({
      code: 'context-too-long',
      message: `this needs ${plan.promptTokens} tokens of prompt and 50 for the answer, but the model has a context of 300`,
      details: { contextTokens: 300, reservedTokens: 50, promptTokens: plan.promptTokens },
    });
    expect(contextTooLong({ ...plan, exact: false }, {}).message).toContain(
      `needs by estimate ${plan.promptTokens} tokens`,
    );
  });

  test('is told with the limit that it met: that of the service, with what is written already', async () => {
    const asked = request(talk(0, 160), { mostPromptTokens: 200, writtenTokens: 40 });
    const plan = await planContext(engine, asked);
    expect(plan).toMatchObject({ fits: false, reservedTokens: 50, promptTokens: 175 });
    expect(contextTooLong(plan, asked)).toMatchObject({
      message: 'this needs a prompt of 215 tokens, but the service takes 200',
      details: { mostPromptTokens: 200, reservedTokens: 50 },
    });
    const first = request(talk(0, 160), { mostPromptTokens: 200 });
    expect(await planContext(engine, first)).toMatchObject({ fits: true });
  });

  test('never reserves more than half of the context', async () => {
    const plan = await planContext(engine, request(talk(0, 20), { maxNewTokens: 100_000 }));
    expect(plan.reservedTokens).toBe(150);
  });

  test('neighbours of one role become one message, and an answer without words is left out', () => {
    const prompt = promptOf({ systemPrompt: 'S', format: null, continueAnswer: false }, [
      { role: 'user', content: 'one' },
      { role: 'assistant', content: '' },
      { role: 'user', content: 'two' },
    ]);
    expect(prompt).toMatchObject({
      messages: [
        { role: 'system', content: 'S' },
        { role: 'user', content: 'one\n\ntwo' },
      ],
    });
  });

  test('for any talk: it fits or nothing more may go, and one more exchange would not fit', async () => {
    const talks = fc.record({
      lengths: fc.array(fc.oneof(fc.integer({ min: 2, max: 120 }), fc.integer({ min: 2, max: 5000 })), {
        maxLength: 12,
      }),
      pins: fc.array(fc.boolean(), { maxLength: 12 }),
      context: fc.oneof(fc.integer({ min: 64, max: 600 }), fc.integer({ min: 64, max: 20_000 })),
      system: fc.string({ maxLength: 40 }),
    });
    await fc.assert(
      fc.asyncProperty(talks, async ({ lengths, pins, context, system }) => {
        const branch: PlanMessage[] = lengths.flatMap((length, index) => [
          {
            id: `u${index}`,
            role: 'user',
            content: `${index}`.padEnd(length, 'u'),
            pinned: pins[index] ?? false,
          },
          { id: `a${index}`, role: 'assistant', content: `${index}`.padEnd(length, 'a'), pinned: false },
        ]);
        branch.push({ id: 'now', role: 'user', content: 'now', pinned: false });
        const asked = request(branch, { contextTokens: context, systemPrompt: system });
        const plan = await planContext(engine, asked);
        const room = context - plan.reservedTokens;
        const seen = new Set(seenIds(plan));
        const sent = branch.filter((message) => seen.has(message.id));
        const prompt = promptOf(asked, sent);
        // Whole, and nothing besides.
        const words = [system, ...sent.map(({ content }) => content)].filter((text) => text !== '');
        expect(prompt.kind === 'chat' && prompt.messages.map(({ content }) => content).join('\n\n')).toBe(
          words.join('\n\n'),
        );
        // What is not sent is said, and where the line stands.
        const unseen = branch.filter((message) => !seen.has(message.id));
        expect(plan.droppedMessageIds).toEqual(unseen.map(({ id }) => id));
        const lineAt = unseen.at(-1);
        expect(plan.firstSeenMessageId).toBe(lineAt ? branch[branch.indexOf(lineAt) + 1]?.id : null);
        const counted = await engine.count(prompt);
        expect(counted.totalTokens).toBe(plan.promptTokens);
        expect(plan.fits).toBe(plan.promptTokens <= room);
        for (const [index, pinned] of pins.entries())
          if (pinned && index < lengths.length)
            expect(seen.has(`u${index}`) && seen.has(`a${index}`)).toBe(true);
        if (!plan.fits) {
          const optional = lengths.some((_, index) => !pins[index] && seen.has(`u${index}`));
          expect(optional).toBe(false);
          return;
        }
        const newest = lengths.findLastIndex((_, index) => !seen.has(`u${index}`));
        if (newest < 0) return;
        const more = branch.filter(
          (message) =>
            seen.has(message.id) || (/^[ua]/u.test(message.id) && message.id.slice(1) === String(newest)),
        );
        expect((await engine.count(promptOf(asked, more))).totalTokens).toBeGreaterThan(room);
      }),
      { numRuns: 300 },
    );
  });
});
