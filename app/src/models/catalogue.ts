import { z } from 'zod';
import type { JudgedEntry } from '../contracts/api/models.ts';
import { type CatalogueEntry, catalogueEntrySchema } from '../contracts/models.ts';
import { fitOf } from '../lib/memory-fit.ts';
import { expectedTokensPerSecond } from './preflight/memory-bandwidth.ts';
import entries from './catalogue.json' with { type: 'json' };

/** Good first models, smallest first; `catalogue.json` is the data. */
export const catalogue: readonly CatalogueEntry[] = z.array(catalogueEntrySchema).parse(entries);

/** Without a header to read, the cache of a chat and the buffers are taken as a quarter of the weights, 300 MB at least. */
export function judgeCatalogue(availableBytes: number, isHere: (id: string) => boolean): JudgedEntry[] {
  return catalogue.map((entry) => ({
    ...entry,
    fit: fitOf(entry.sizeBytes + Math.max(entry.sizeBytes / 4, 300 << 20), availableBytes),
    expectedTokensPerSecond: expectedTokensPerSecond(entry.sizeBytes),
    here: isHere(entry.id),
  }));
}
