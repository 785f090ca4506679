/** Templates of families whose repositories carry none: the prompts they were trained with. */
interface FamilyTemplate {
  family: string;
  repository: RegExp;
  template: string;
}

const guanacoSystem =
  'A chat between a curious human and an artificial intelligence assistant. ' +
  "The assistant gives helpful, detailed, and polite answers to the user\\'s questions.";

/** A system message or the standing one, then turns with a name before each and a line break after each. */
function turns(names: { start: string; system: string; user: string; assistant: string }): string {
  return [
    "{%- if messages and messages[0]['role'] == 'system' -%}",
    `{%- set system = ${names.system} -%}{%- set rest = messages[1:] -%}`,
    `{%- else -%}{%- set system = ${names.start} -%}{%- set rest = messages -%}{%- endif -%}`,
    '{{ system }}',
    '{%- for message in rest -%}',
    `{{ ('${names.user}' if message['role'] == 'user' else '${names.assistant}') + message['content'] | trim + '\\n' }}`,
    '{%- endfor -%}',
    `{%- if add_generation_prompt -%}{{ '${names.assistant}' | trim }}{%- endif -%}`,
  ].join('');
}

const families: readonly FamilyTemplate[] = [
  {
    family: 'guanaco',
    repository: /(?:^|[/_-])guanaco(?:$|[-_])/i,
    template: turns({
      start: `bos_token + '${guanacoSystem}\\n'`,
      system: "bos_token + messages[0]['content'] | trim + '\\n'",
      user: '### Human: ',
      assistant: '### Assistant: ',
    }),
  },
  {
    family: 'falcon-instruct',
    repository: /(?:^|[/_-])falcon-(?:7b|40b)-instruct$/i,
    template: turns({
      start: "''",
      system: "'System: ' + messages[0]['content'] | trim + '\\n'",
      user: 'User: ',
      assistant: 'Falcon: ',
    }),
  },
];

/** The family template for the first of these repositories that has one. */
export function familyTemplate(
  repositories: readonly string[],
): { family: string; repository: string; template: string } | undefined {
  for (const repository of repositories) {
    const found = families.find((family) => family.repository.test(repository));
    if (found) return { family: found.family, repository, template: found.template };
  }
  return undefined;
}
