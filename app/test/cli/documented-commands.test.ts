import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { documentedCommands } from '../../../scripts/documented-commands.ts';
import { prepareOrigin, type Origin } from '../origins/origin-server.ts';
import { writeTinyRepository } from '../fixtures/models/tiny-repository.ts';
import { root, temporaryFolder } from '../program.ts';

/** That each documented command exists is `npm run check`'s; here those run that need no more than a Hub. */
const documents = execFileSync('git', ['ls-files', '*.md'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((document) => document !== '' && document !== 'CHANGELOG.md');
/** They start a server, need a terminal, a file of the reader's own, or a model under a name of their own (app/test/origins). */
const elsewhere = /^(?:serve|chat --continue|history import|restore|pull (?:meta-llama|tiiuae|huggyllama))/;
/** `REF`, `[FILE]`, `…`: to be filled in. */
const placeholder = /\b[A-Z]{3,}\b|…/;
const model = 'TinyLlama/TinyLlama-1.1B-Chat-v1.0';
let origin: Origin;

beforeAll(async () => {
  const folder = temporaryFolder((cleanup) => afterAll(cleanup));
  await writeTinyRepository(folder, { dtype: 'f16' });
  origin = await prepareOrigin({
    hub: { repositories: [{ id: model, folder, licence: 'apache-2.0' }] },
    // Nobody listens there; what the documents say of the log is said to those who have a sink.
    environment: { LOGGING_URL: 'http://127.0.0.1:9/log' },
  });
}, 120_000);
afterAll(() => origin.close());

function corralCommands(): string[] {
  const found = documents.flatMap((document) =>
    documentedCommands(document, readFileSync(join(root, document), 'utf8')),
  );
  const lines = found.flatMap(({ words }) => {
    const rest = words[0] === 'npx' ? words.slice(1) : words;
    return rest[0] === 'corral' ? [rest.slice(1).join(' ')] : [];
  });
  return [...new Set(lines)].filter(
    (line) => line !== '' && !placeholder.test(line) && !elsewhere.test(line),
  );
}

test.each(corralCommands())('corral %s', async (line) => {
  const { code, stderr } = await origin.corral(...line.split(' '));
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
});
