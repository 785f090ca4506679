import { describe, expect, test } from 'vitest';
import { renderTemplate } from './jinja-template.ts';
import { textOf } from './segments.ts';

function render(template: string, content = 'hi'): string {
  const segments = renderTemplate({
    template,
    chat: { messages: [{ role: 'user', content }], continueAnswer: false },
    texts: { bos: '<s>', eos: '</s>' },
    controlTexts: [],
    nowMs: 0,
  });
  return textOf(segments);
}

describe('what Hugging Face renders', () => {
  // Beside each template what Jinja2 3.1 writes.
  test.each([
    ['{% for a in gone %}{{ a }}{% else %}none{% endfor %}', 'none'],
    ['{% for a in gone if a %}{{ a }}{% endfor %}.', '.'],
    ["{% for call in messages[0]['tool_calls'] %}{{ call }}{% endfor %}.", '.'],
    ['{{ gone | length }}{{ gone | list | length }}', '00'],
    ["{{ 'a' ~ gone ~ 0 ~ 'b' }}", 'a0b'],
    ['{% if tools is not none and tools | length > 0 %}tools{% else %}none{% endif %}', 'none'],
    ["{{ tools | selectattr('type', 'equalto', 'x') | list | length }}", '0'],
    ['{% if documents is none %}yes{% endif %}', 'yes'],
    ["{{ '<{}|{}>'.format('a', 1) }}{{ '{1}{0}{{}}'.format('a', 'b') }}", '<a|1>ba{}'],
    ["{{ '\\n\\n  a\\n '.lstrip('\\n') }}|", '  a\n |'],
    ["{{ 'xxaxx'.strip('x') ~ 'xxaxx'.rstrip('x') ~ ' a '.strip() }}", 'axxaa'],
    [
      "{% set d = {0: 'z', 512: 'y'} %}{{ d[0] ~ d[512] ~ messages[0].role ~ messages[0]['role'] }}",
      'zyuseruser',
    ],
    [
      '{% set d = {8: 1, 9: 2} %}{% for k, v in d | dictsort %}{% if 8 < k %}{{ k ~ v }}{% endif %}{% endfor %}',
      '92',
    ],
  ])('%s', (template, written) => {
    expect(render(template)).toBe(written);
  });

  test('the blanks in front of an indented answer stay', () => {
    expect(render("{{ messages[0].content.lstrip('\\n') }}", '\n  x')).toBe('  x');
  });

  test('a format that cannot be filled in, and a text that grows by filling in, end the template', () => {
    expect(() => render("{{ '{}'.format() }}")).toThrow(expect.objectContaining({ code: 'template-failed' }));
    const doubling =
      "{% set ns = namespace(a='xx') %}{% for i in range(99) %}{% set ns.a = '{0}{0}'.format(ns.a) %}{% endfor %}";
    expect(() => render(doubling)).toThrow(expect.objectContaining({ code: 'template-failed' }));
  });
});
