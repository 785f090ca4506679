/**
 * Every command that a document tells people to type has to exist: npm's scripts, Corral's commands with their flags,
 * the folders and names of tests and benches, files that node runs. What of them can run without a network or another
 * machine is run by app/test/cli/documented-commands.test.ts.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { buildProgram } from '../app/src/cli/program.ts';

export interface DocumentedCommand {
  document: string;
  line: number;
  /** As it stands there, without what only a shell needs. */
  words: string[];
}

const documents = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], {
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && file !== 'CHANGELOG.md' && existsSync(file));
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  encoding: 'utf8',
}).split('\n');
const scripts = (JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> })
  .scripts;

const programs = /^(?:npx corral|npx vitest|npm|corral|node) /;

/** Comments, variables before the command and what comes after a pipe or a redirection are not the command. */
function wordsOf(text: string): string[] {
  const bare = text
    .replace(/\s#.*$/, '')
    .replace(/^(?:[A-Z_]+=\S+ )+/, '')
    .replace(/ (?:[|>&]|2>).*$/, '');
  return [...bare.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    (match) => match[1] ?? match[2] ?? match[3] ?? '',
  );
}

/** Lines of shell blocks and code inside sentences. */
export function documentedCommands(document: string, text: string): DocumentedCommand[] {
  const found: DocumentedCommand[] = [];
  let fence: string | null = null;
  for (const [index, line] of text.split('\n').entries()) {
    const edge = /^\s*```(\w*)/.exec(line);
    if (edge) fence = fence === null ? (edge[1] ?? '') : null;
    const texts =
      fence === null
        ? [...line.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '')
        : fence === 'sh'
          ? [line]
          : [];
    for (const one of texts.map((one) => one.trim().replace(/^(?:[A-Z_]+=\S+ )+/, ''))) {
      if (programs.test(`${one} `)) found.push({ document, line: index + 1, words: wordsOf(one) });
    }
  }
  return found;
}

const program = buildProgram('', () => undefined);

function problemOfCorral(words: readonly string[]): string | null {
  let command: ReturnType<typeof buildProgram> = program;
  const rest = [...words];
  for (;;) {
    const next = command.commands.find((candidate) => candidate.name() === rest[0]);
    if (!next) break;
    command = next;
    rest.shift();
  }
  if (
    command === program &&
    rest.length > 0 &&
    !rest[0]?.startsWith('-') &&
    rest[0] !== 'help' &&
    rest[0] !== '…'
  )
    return `there is no command "${rest[0]}"`;
  const known = new Set([
    '--help',
    '-h',
    '--version',
    ...command.options.flatMap(({ long, short }) => [long, short]),
  ]);
  const unknown = rest
    .filter((word) => /^--?[a-z]/.test(word))
    .find((word) => !known.has(word.split('=')[0] ?? ''));
  return unknown === undefined ? null : `"${command.name()}" has no ${unknown}`;
}

/** Words after `--`: parts of the tree, and after `-t` part of a test's title. */
function problemOfTests(words: readonly string[]): string | null {
  const titleAt = words.indexOf('-t');
  const title = titleAt < 0 ? undefined : words[titleAt + 1];
  const places = words.filter((word, index) => !word.startsWith('-') && words[index - 1] !== '-t');
  const tests = files.filter((file) => /\.(?:test|faults)\.tsx?$/.test(file));
  const chosen = tests.filter((file) => places.length === 0 || places.some((place) => file.includes(place)));
  const missing = places.find((place) => !tests.some((file) => file.includes(place)));
  if (missing !== undefined) return `no test lies at ${missing}`;
  if (title === undefined) return null;
  return chosen.some((file) => readFileSync(file, 'utf8').includes(title))
    ? null
    : `no test there is called "${title}"`;
}

function problemOfBench(words: readonly string[]): string | null {
  const known = readdirSync('app/bench').flatMap((file) => /^(.*)\.bench\.ts$/.exec(file)?.[1] ?? []);
  const unknown = words
    .map((word) => word.split(':')[0] ?? '')
    .find((word) => word !== 'NAME' && !known.includes(word));
  return unknown === undefined ? null : `no bench is called ${unknown}`;
}

function problemOfNpm([verb = '', ...rest]: readonly string[]): string | null {
  if (verb === 'ci' || verb === 'install') return null;
  const script = verb === 'run' ? (rest.shift() ?? '') : verb;
  if (!(script in scripts)) return `package.json has no script "${script}"`;
  const words = rest.filter((word) => word !== '--' && word !== '--silent');
  if (script === 'start') return problemOfCorral(['serve', ...words]);
  if (script === 'test' || script === 'test:faults') return problemOfTests(words);
  return script === 'bench' ? problemOfBench(words) : null;
}

/** Null where it exists as it is written. */
export function problemOfCommand(words: readonly string[]): string | null {
  const [program, ...rest] = words;
  if (program === 'npm') return problemOfNpm(rest);
  if (program === 'corral') return problemOfCorral(rest);
  if (program === 'npx' && rest[0] === 'corral') return problemOfCorral(rest.slice(1));
  if (program === 'npx') return problemOfTests(rest.slice(1).filter((word) => word !== 'run'));
  const file = rest.find((word) => !word.startsWith('-'));
  const isThere = file === undefined || file === 'receiver.mjs' || existsSync(file);
  return isThere ? null : `${file} is not there`;
}

/** Each promise has at least one command that fails when it is broken. */
function problemsOfPromises(path: string): string[] {
  if (!existsSync(path)) return [`${path} is missing`];
  const sections = readFileSync(path, 'utf8').split(/^## /m).slice(1);
  const numbered = sections.filter((section) => /^\d+\. /.test(section));
  return [
    ...(numbered.length === 8 ? [] : [`${path} has ${numbered.length} promises instead of 8`]),
    ...numbered
      .filter((section) => documentedCommands(path, section).length === 0)
      .map((section) => `${path}: no command guards "${section.split('\n')[0]}"`),
  ];
}

if (process.argv[1] === import.meta.filename) {
  const all = documents.flatMap((document) => documentedCommands(document, readFileSync(document, 'utf8')));
  const problems = all.flatMap(({ document, line, words }) => {
    const problem = problemOfCommand(words);
    return problem === null ? [] : [`${document}:${line} ${words.join(' ')}: ${problem}`];
  });
  problems.push(...problemsOfPromises('docs/promises.md'));
  for (const problem of problems) console.error(problem);
  console.log(`${all.length} commands in ${documents.length} documents`);
  process.exit(problems.length > 0 ? 1 : 0);
}
