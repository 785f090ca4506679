/** Documents that repeat what the code knows are compared with it, both ways. */
import { existsSync, readFileSync } from 'node:fs';
import { errorCodes } from '../app/src/contracts/error-codes.ts';

const problems: string[] = [];

function checkErrorCodes(): void {
  const path = 'docs/errors.md';
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const documented = new Set(
    [...text.matchAll(/^\| `([a-z-]+)` \| (\d+) \| (\d+) \|/gm)].map((match) => match.slice(1, 4).join(' ')),
  );
  const actual = new Set(
    Object.entries(errorCodes).map(([code, row]) => `${code} ${row.status} ${row.exit}`),
  );
  for (const row of actual)
    if (!documented.has(row)) problems.push(`${path} lacks \`${row}\` (code, status, exit)`);
  for (const row of documented)
    if (!actual.has(row)) problems.push(`${path} documents \`${row}\`, which the code does not have`);
}

checkErrorCodes();
for (const problem of problems) console.error(problem);
process.exit(problems.length > 0 ? 1 : 0);
