/**
 * Documents that repeat what the code knows: docs/errors.md, docs/config.md, docs/cli.md, docs/performance.md. Without an argument they
 * are compared with the code, both ways; with `--write` the generated parts are written.
 */
import { existsSync, readFileSync } from 'node:fs';
import { buildProgram } from '../app/src/cli/program.ts';
import { settingNames, settings } from '../app/src/config/settings.ts';
import { errorCodes } from '../app/src/contracts/error-codes.ts';
import { compareGeneratedPart } from './generated-part.ts';
import { performanceTables } from './performance-tables.ts';

const problems: string[] = [];

function checkErrorCodes(): void {
  const path = 'docs/errors.md';
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const rows = [...text.matchAll(/^\| `([a-z-]+)` \| (\d+) \| (\d+) \| (yes|no) \| (.*) \|$/gm)];
  const documented = new Set(rows.map((match) => match.slice(1, 5).join(' ')));
  const actual = new Set(
    Object.entries(errorCodes).map(
      ([code, row]) => `${code} ${row.status} ${row.exit} ${row.retry ? 'yes' : 'no'}`,
    ),
  );
  for (const row of actual)
    if (!documented.has(row)) problems.push(`${path} lacks "${row}" (code, status, exit, retry)`);
  for (const row of documented)
    if (!actual.has(row)) problems.push(`${path} has "${row}", which the code does not`);
  for (const match of rows)
    if (match[5]?.trim() === '') problems.push(`${path} does not explain ${match[1]}`);
}

function compare(path: string, name: string, wanted: string): void {
  problems.push(...compareGeneratedPart(path, name, wanted));
}

function shownDefault(value: unknown): string {
  const text = Array.isArray(value) ? value.join(',') : String(value);
  return text === '' ? '' : `\`${text.replace(process.env.HOME ?? '~', '~')}\``;
}

function configTable(): string {
  const rows = settingNames.map((name) => {
    const { env, flag, form, default: fallback, about } = settings[name];
    return `| \`${env}\` | ${flag ? `\`${flag}\`` : ''} | \`${name}\` | ${shownDefault(fallback)} | ${form.allowed} | ${about} |`;
  });
  return [
    '| variable | flag | key in corral.config.json | default | allowed | what it does |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

type Commander = ReturnType<typeof buildProgram>;

/** What `--help` prints, to the last line. */
function printedHelp(command: Commander): string {
  let text = '';
  command
    .configureHelp({ helpWidth: 100 })
    .configureOutput({ writeOut: (part) => (text += part), getOutHelpWidth: () => 100 })
    .outputHelp();
  return `\`\`\`text\n${text.trimEnd()}\n\`\`\``;
}

/** All commands as they are typed, groups before their members. */
function cliHelp(): string {
  const program = buildProgram('', () => undefined);
  const sections = (parent: Commander, path: string): string[] =>
    parent.commands.flatMap((command) => {
      const name = `${path} ${command.name()}`;
      return [`## ${name}\n\n${printedHelp(command)}`, ...sections(command, name)];
    });
  return [printedHelp(program), ...sections(program, 'corral')].join('\n\n');
}

checkErrorCodes();
compare('docs/config.md', 'settings', configTable());
compare('docs/cli.md', 'help', cliHelp());
for (const [bench, table] of performanceTables())
  compare('docs/performance.md', `figures of ${bench}`, table);
for (const problem of problems) console.error(problem);
process.exit(problems.length > 0 ? 1 : 0);
