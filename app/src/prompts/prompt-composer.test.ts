import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, test } from 'vitest';
import type { PromptMessage } from '../contracts/messages.ts';
import { createPromptComposer, type PromptComposer } from './prompt-composer.ts';
import { textOf } from './segments.ts';
import { createTemplateRenderer } from './template-renderer.ts';

const timeoutMs = 300;
const renderer = createTemplateRenderer({ timeoutMs });
afterAll(() => renderer.close());

const chat: PromptMessage[] = [{ role: 'user', content: 'hello' }];
const good =
  "{{ bos_token }}{% for m in messages %}{{ '[' + m.role + ']' + m.content + eos_token }}{% endfor %}";

function composer(template: string | null, more: { isOnlyCounted?: boolean } = {}): Promise<PromptComposer> {
  return createPromptComposer({
    ...more,
    template,
    family: { architecture: 'llama', names: ['guanaco-7b'], vocabularySize: 32_000 },
    texts: { bos: '<s>', eos: '</s>' },
    controlTexts: ['<s>', '</s>'],
    endTexts: ['</s>'],
    renderer,
    clock: { now: () => 0 },
  });
}

const codes = (found: PromptComposer): string[] => found.template.findings.map((finding) => finding.code);
const asked = { messages: chat, continueAnswer: false };

describe('the format of a prompt', () => {
  test("the file's template comes first, then the family's format; a chosen one wins", async () => {
    const own = await composer(good);
    expect(own.template).toMatchObject({ source: 'file', name: 'file' });
    expect(textOf((await own.compose(asked)).segments)).toBe('<s>[user]hello</s>');
    const chosen = await own.compose(asked, 'alpaca');
    expect(chosen.template).toMatchObject({ source: 'chosen', name: 'alpaca' });
    expect(chosen.stop).toContain('### Instruction:');
    const none = await composer(null);
    expect(none.template).toMatchObject({ source: 'family', name: 'guanaco' });
    await expect(none.compose(asked, 'file')).rejects.toMatchObject({ code: 'bad-request' });
    await expect(none.compose(asked, 'nonsense')).rejects.toMatchObject({ code: 'bad-request' });
  });

  test('a template that hangs is stopped and gives way to the family’s format', async () => {
    const loops =
      '{% for a in range(9000) %}{% for b in range(9000) %}{% for c in range(9000) %}{% endfor %}{% endfor %}{% endfor %}';
    const found = await composer(loops);
    expect(found.template.source).toBe('family');
    expect(codes(found)).toContain('render-failed');
    expect(textOf((await found.compose(asked)).segments)).toContain('### Human: hello');
    const before = process.cpuUsage();
    await expect(found.compose(asked, 'file')).rejects.toMatchObject({ code: 'template-failed' });
    const { user, system } = process.cpuUsage(before);
    // A limit on the clock, which is much longer, would stop it too.
    expect((user + system) / 1000).toBeLessThan(5 * timeoutMs);
  });

  test('processor time counts, not the clock: a template that waits for its turn is not too slow', async () => {
    const busy = createTemplateRenderer({ timeoutMs: 40 });
    const hogs = Array.from({ length: 8 }, () => new Worker('for (;;);', { eval: true }));
    try {
      const task = {
        template: good,
        chat: asked,
        texts: { bos: '<s>', eos: '</s>' },
        controlTexts: [],
        nowMs: 0,
      };
      for (let round = 0; round < 5; round++) {
        expect(textOf(await busy.render(task))).toBe('<s>[user]hello</s>');
      }
    } finally {
      await Promise.all(hogs.map((hog) => hog.terminate()));
      await busy.close();
    }
  });

  test.each([
    ['text ends its own thread only', "namespace(x='xxxxxxxx') %}", '(ns.x + ns.x) | upper'],
    ['lists is refused', "namespace(x=['x']) %}", 'ns.x + ns.x'],
  ])('a template that eats memory with %s', async (_, start, more) => {
    const eats = `{% set ns = ${start}{% for i in range(64) %}{% set ns.x = ${more} %}{% endfor %}`;
    const found = await composer(eats);
    expect(codes(found)).toContain('render-failed');
    expect(textOf((await (await composer(good)).compose(asked)).segments)).toBe('<s>[user]hello</s>');
  });
});

describe('system messages that a template leaves out', () => {
  const configuration = readFileSync(new URL('../../../cria/tokenizer_config.json', import.meta.url), 'utf8');
  const { chat_template: firstOnly } = JSON.parse(configuration) as { chat_template: string };
  const letters = { s: 'system', u: 'user', a: 'assistant' } as const;
  /** `ssu`: two messages of the system, then one of the person. */
  const messagesOf = (roles: string): PromptMessage[] =>
    Array.from(roles, (letter, index) => ({
      role: letters[letter as 's'],
      content: ` Words of message ${index}. `,
    }));
  const segmentsOf = async (found: PromptComposer, roles: string, continueAnswer = false) =>
    (await found.compose({ messages: messagesOf(roles), continueAnswer })).segments;

  test.each(['u', 'su', 'ssu', 'usu', 'suau', 'suasu', 'ssuasuas', 'us', 'uas', 'sau', 'saus', 'asua'])(
    'are said in front, with the others: %s',
    async (roles) => {
      const segments = await segmentsOf(await composer(firstOnly), roles);
      for (const [index, { content }] of messagesOf(roles).entries()) {
        const own = segments.filter(({ special, message }) => !special && message === index);
        expect(textOf(own).trim()).toBe(content.trim());
      }
      if (/^u*s/.test(roles) && !roles.startsWith('sa'))
        expect(textOf(segments)).toMatch(/^<s>\[INST\] <<SYS>>\n.*Words of message/);
    },
  );

  test('and a template that says them all is left as it is', async () => {
    const all = "{% for m in messages %}{{ '[' + m.role + ']' + m.content }}{% endfor %}";
    expect(textOf(await segmentsOf(await composer(all), 'us'))).toBe(
      '[user] Words of message 0. [system] Words of message 1. ',
    );
  });

  test.each([
    ['takes their words apart', "m.content.split('of') | join('OF')", 'Words OF message 1'],
    ['looks for a word in them', "'[' + ('loud' if 'Words' in m.content else 'quiet') + ']'", '[loud]'],
  ])('a template that %s has read them', async (_, say, expected) => {
    const template = `{% for m in messages %}{{ ${say} if m.role == 'system' else m.content }}{% endfor %}`;
    const text = textOf(await segmentsOf(await composer(template), 'us'));
    expect(text).toMatch(/^ Words of message 0/);
    expect(text).toContain(expected);
  });

  test('the second of two is found out although the first is taken apart', async () => {
    const template =
      "{% for m in messages %}{% if m.role != 'system' %}{{ m.content }}{% elif loop.first %}{{ m.content | upper }}{% endif %}{% endfor %}";
    const text = textOf(await segmentsOf(await composer(template), 'sus'));
    expect(text).toContain('WORDS OF MESSAGE 0.\n\nWORDS OF MESSAGE 2.');
  });

  test('are said in the first message of the person where the template has no place for any', async () => {
    const none = "{% for m in messages if m.role != 'system' %}{{ m.content + eos_token }}{% endfor %}";
    const found = await composer(none);
    const segments = await segmentsOf(found, 'asus');
    expect(textOf(segments)).toBe(
      ' Words of message 0. </s>Words of message 1.\n\nWords of message 3.\n\nWords of message 2.</s>',
    );
    expect(segments.filter(({ special }) => !special).map(({ message }) => message)).toEqual([0, 1, 3, 2]);
    const blank = [{ role: 'system' as const, content: ' ' }, ...chat];
    expect(textOf((await found.compose({ messages: blank, continueAnswer: false })).segments)).toBe(
      'hello</s>',
    );
  });

  test('are said in the first message of the person where the template refuses them', async () => {
    const refusing =
      "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{{ m.content + eos_token }}{% endfor %}";
    const found = await composer(refusing);
    const segments = await segmentsOf(found, 'su');
    expect(textOf(segments)).toBe('Words of message 0.\n\nWords of message 1.</s>');
    expect(segments.filter(({ special }) => !special).map(({ message }) => message)).toEqual([0, 1]);
    await expect(segmentsOf(found, 's')).rejects.toMatchObject({
      code: 'template-failed',
      message: expect.stringContaining('System role not supported') as string,
    });
  });

  test('are refused by name where the person says nothing', async () => {
    const found = await composer(firstOnly);
    for (const roles of ['s', 'ss', 'sa']) {
      await expect(segmentsOf(found, roles)).rejects.toMatchObject({
        code: 'template-failed',
        message: expect.stringContaining('leaves the system message out') as string,
      });
    }
  });

  test('an answer is gone on with where it was the last message', async () => {
    const found = await composer(firstOnly);
    expect(textOf(await segmentsOf(found, 'ussa', true))).toMatch(/\[\/INST\] Words of message 3\. $/);
    expect(textOf(await segmentsOf(found, 'uas', true))).toMatch(/ Words of message 1\. <\/s>$/);
  });

  test('are no part of what a service counts, which writes the prompt itself', async () => {
    const found = await composer(firstOnly, { isOnlyCounted: true });
    expect(textOf(await segmentsOf(found, 'us'))).toBe('<s>[INST] Words of message 0. [/INST]');
  });
});

describe('the template doctor', () => {
  test.each([
    ['nothing but that it is unknown', good, ['unknown-template']],
    ['a doubled first token', `{{ bos_token }}${good}`, ['unknown-template', 'double-bos']],
    [
      'a missing end token',
      "{% for m in messages %}{{ '[' + m.role + ']' + m.content }}{% endfor %}",
      ['unknown-template', 'missing-end'],
    ],
    [
      'a system message that is left out',
      "{% for m in messages if m.role != 'system' %}{{ m.content + eos_token }}{% endfor %}",
      ['unknown-template', 'role-order'],
    ],
    [
      'a system message that is refused',
      "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}{% for m in messages %}{{ m.content + eos_token }}{% endfor %}",
      ['unknown-template', 'role-order'],
    ],
    [
      'messages out of order',
      '{% for m in messages | reverse %}{{ m.content + eos_token }}{% endfor %}',
      ['unknown-template', 'role-order'],
    ],
  ])('finds %s', async (_, template, expected) => {
    expect(codes(await composer(template))).toEqual(expected);
  });
});
