import { afterAll, describe, expect, test } from 'vitest';
import { textOf } from './segments.ts';
import { createTemplateRenderer } from './template-renderer.ts';

const renderer = createTemplateRenderer();
afterAll(() => renderer.close());

async function render(template: string, content = 'hi'): Promise<string> {
  return textOf(
    await renderer.render({
      template,
      chat: { messages: [{ role: 'user', content }], continueAnswer: false },
      texts: { bos: '<s>', eos: '</s>' },
      controlTexts: [],
      nowMs: 0,
    }),
  );
}

const doubled = (times: number): string =>
  `{% set ns = namespace(a='a') %}{% for i in range(${times}) %}{% set ns.a = ns.a + ns.a %}{% endfor %}`;

describe('a template that makes much of little', () => {
  test.each([
    ['doubles a text', `${doubled(25)}{{ ns.a|upper|length }}`],
    ['reverses a text that it doubles', `${doubled(22)}{{ ns.a[::-1]|length }}`],
    [
      'doubles what a macro says',
      `{% macro m(x) %}{{ x }}{{ x }}{% endmacro %}${doubled(15)}{{ m(m(m(ns.a))) }}`,
    ],
    ['puts a long text for each letter', `${doubled(15)}{{ ns.a|replace('a', ns.a)|length }}`],
    ['joins numbers by a long text', `${doubled(12)}{{ range(100000)|join(ns.a)|length }}`],
    ['indents by a hundred million', `{{ 'a\\nb\\nc'|indent(100000000)|length }}`],
    ['indents JSON by fifty million', `{{ [1, [2, [3]]]|tojson(indent=50000000)|length }}`],
    [
      'writes a list that it doubles',
      `{% set ns = namespace(a=['a']) %}{% for i in range(17) %}{% set ns.a = ns.a + ns.a %}{% endfor %}{{ ns.a }}`,
    ],
    [
      'doubles a list',
      `{% set ns = namespace(a=[1]) %}{% for i in range(30) %}{% set ns.a = ns.a + ns.a %}{% endfor %}`,
    ],
  ])('%s: refused while it is small', async (_, template) => {
    await expect(render(template)).rejects.toMatchObject({
      code: 'template-failed',
      message: expect.stringMatching(/a (?:text|list) of \d+ (?:characters|items), where \d+ are enough/u),
    });
  });

  test('what is small comes out as the language would have it', async () => {
    expect(await render(`{{ ['a', none, 3]|join(', ') }}`)).toBe('a, , 3');
    expect(await render(`{{ 'a-b-c'|replace('-', '+', 1) }}`)).toBe('a+b-c');
    expect(await render(`{{ 'a\\nb'|indent(2) }}`)).toBe('a\n  b');
    expect(await render(`{{ {'a': [1, 2]}|tojson(indent=2) }}`)).toBe('{\n  "a": [\n    1,\n    2\n  ]\n}');
  });

  test('a chat of four million characters is a chat', async () => {
    const template = `{% for message in messages %}{{ message.role + ': ' + message.content|trim }}{% endfor %}`;
    expect(await render(template, 'word '.repeat(800_000))).toHaveLength(4_000_005);
    expect(await render(template, 'слово '.repeat(660_000))).toHaveLength(3_960_005);
  });
});
