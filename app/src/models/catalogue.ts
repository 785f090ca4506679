import { z } from 'zod';
import { type CatalogueEntry, catalogueEntrySchema } from '../contracts/models.ts';
import entries from './catalogue.json' with { type: 'json' };

/** Good first models, smallest first; `catalogue.json` is the data. */
export const catalogue: readonly CatalogueEntry[] = z.array(catalogueEntrySchema).parse(entries);
