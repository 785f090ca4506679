import { uuidv7 } from 'uuidv7';
import { describe, expect, test } from 'vitest';
import { type ContractParts, finish, newChat, newMessage, startOfTime, startRun } from './parts.contract.ts';

export function searchContract({ store, owner }: ContractParts): void {
  const search = (me: string, text: string, limit = 10) => store().searchChats(me, { text, limit });

  async function withMessages(me: string, title: string, ...texts: string[]): Promise<string> {
    const { id } = await store().createChat(me, newChat({ title }));
    for (const text of texts) await store().addMessage(me, { chatId: id, message: newMessage(text) });
    return id;
  }

  describe('search', () => {
    test('finds all words in any order, the last one as a beginning, without case and accents', async () => {
      const me = owner();
      const chatId = await withMessages(
        me,
        'Notes',
        'The Café serves llamas at noon',
        'The tea house is closed',
      );
      for (const text of ['llamas cafe', 'CAFÉ', 'noon the', 'lla', 'café, "llamas"!'])
        expect(
          (await search(me, text)).map((hit) => hit.chatId),
          text,
        ).toEqual([chatId]);
      for (const text of ['llama tea', 'caf noon', 'alpaca', '', '***', '" OR 1=1 --'])
        expect(await search(me, text), text).toEqual([]);
      expect(await search(owner(), 'llama')).toEqual([]);
    });

    test.each([
      ['한국어 검색이 됩니다', '한국어', '검색', '됩니다'],
      ['Это мой первый день', 'мой', 'ПЕРВЫЙ', 'перв'],
      ['Ой, їжак і ёжик', 'їжак', 'ЁЖ', 'ой'],
      ['Πού είναι η Αθήνα;', 'Αθήνα', 'ΕΊΝΑΙ', 'πού'],
      ['यह हिन्दी में है', 'हिन्दी', 'में', 'हिन'],
      ['இது தமிழ் மொழி', 'தமிழ்', 'மொழி', 'இது'],
      ['এটা বাংলা ভাষা', 'বাংলা', 'ভাষা', 'এটা'],
      ['ذهب أحمد إلى البيت', 'أحمد', 'إلى', 'الب'],
      ['Tiếng Việt rất đẹp', 'tiếng', 'VIỆT', 'đẹ'],
      ['İstanbul ılık', 'İstanbul', 'ılık', 'istan'],
    ])('finds the words of “%s”, and marks them', async (text, ...words) => {
      const me = owner();
      const chatId = await withMessages(me, text, text, text.normalize('NFD'));
      for (const word of [...words, text, text.normalize('NFD')]) {
        const hits = await search(me, word);
        expect(
          hits.map((hit) => hit.chatId),
          word,
        ).toEqual([chatId, chatId, chatId]);
        for (const { excerpt } of hits)
          expect(
            excerpt.some((piece) => piece.hit),
            word,
          ).toBe(true);
      }
    });

    test('says where, with the words marked', async () => {
      const me = owner();
      await withMessages(me, 'Notes', `${'before '.repeat(60)}a Llama walks ${'after '.repeat(60)}`);
      const [hit] = await search(me, 'llama walks');
      expect(hit).toMatchObject({ title: 'Notes', updatedAt: startOfTime });
      expect(hit?.excerpt.filter((piece) => piece.hit).map((piece) => piece.text)).toEqual([
        'Llama',
        'walks',
      ]);
      expect(hit?.excerpt.map((piece) => piece.text).join('').length).toBeLessThan(300);
    });

    test('a title is found and follows its changes', async () => {
      const me = owner();
      const chatId = await withMessages(me, 'Holiday in Peru');
      expect(await search(me, 'peru')).toMatchObject([{ chatId, messageId: null }]);
      await store().updateChat(me, { chatId, version: 1, change: { title: 'Holiday in Chile' } });
      expect(await search(me, 'peru')).toEqual([]);
      expect(await search(me, 'chile')).toHaveLength(1);
    });

    test('an answer is found when it is finished', async () => {
      const me = owner();
      const run = await startRun(store(), me);
      await store().finishRun(me, finish(run.runId, { offset: 0, text: 'Guanacos are wild' }));
      expect(await search(me, 'guanaco')).toMatchObject([{ chatId: run.chatId, messageId: run.messageId }]);
    });

    test('words close together come first; one chat does not fill the list', async () => {
      const me = owner();
      await withMessages(
        me,
        'Many',
        ...Array.from({ length: 9 }, (_, at) => `alpha ${'x '.repeat(300)} beta ${at}`),
      );
      const close = await withMessages(me, 'One', 'alpha beta');
      const hits = await search(me, 'alpha beta');
      expect(hits[0]?.chatId).toBe(close);
      expect(hits.length).toBe(4);
    });

    test('what is in the trash crowds nothing out', async () => {
      const me = owner();
      const living = await withMessages(me, 'Living', 'vicuna 鹿', 'guanaco 鹿');
      const many = Array.from({ length: 220 }, (_, at) => `vicuna 鹿 ${at}`);
      const gone = await withMessages(me, 'Gone', ...many);
      const emptied = await withMessages(me, 'Emptied', ...many);
      const times = { now: startOfTime, purgeAt: startOfTime + 1 };
      await store().trash(me, { trashId: uuidv7(), chatId: gone, ...times });
      await store().trash(me, { trashId: uuidv7(), chatId: emptied, clear: true, ...times });
      for (const text of ['vicuna', '鹿'])
        expect(new Set((await search(me, text)).map((hit) => hit.chatId)), text).toEqual(new Set([living]));
    });

    test('scripts without spaces are searched as they are written', async () => {
      const me = owner();
      const chatId = await withMessages(me, 'Travel', '明日は東京タワーに行きます', '100% sure_thing');
      expect(await search(me, '東京')).toMatchObject([
        { chatId, excerpt: [{}, { text: '東京', hit: true }, {}] },
      ]);
      expect(await search(me, '京都')).toEqual([]);
    });

    test('of several of their words all are found, in any order, also beside a Latin one', async () => {
      const me = owner();
      const text = '明日は東京タワーに行きます。Python の入門書を読む。';
      const chatId = await withMessages(me, 'Travel', text);
      for (const query of ['東京 行き', '行き　東京', 'python 入門', '入門 Python', ' 東京 '])
        expect(
          (await search(me, query)).map((hit) => hit.chatId),
          query,
        ).toEqual([chatId]);
      for (const query of ['東京 大阪', 'Python 大阪', '東京　Java'])
        expect(await search(me, query)).toEqual([]);
    });

    test('Latin letters among them are found in either case, and marked', async () => {
      const me = owner();
      const chatId = await withMessages(me, 'CSSの本', '今日はPython入門を読む', 'ÉTÉは夏');
      for (const [text, found] of [
        ['python入門', 'Python入門'],
        ['はPYTHON入', 'はPython入'],
        ['cssの', 'CSSの'],
        ['ÉtÉは', 'ÉTÉは'],
      ] as const) {
        const [hit] = await search(me, text);
        expect(hit, text).toMatchObject({ chatId });
        expect(hit?.excerpt.find((piece) => piece.hit)?.text, text).toBe(found);
      }
      expect(await search(me, 'étéは')).toEqual([]);
    });
  });
}
