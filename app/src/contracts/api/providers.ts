import { z } from 'zod';
import { isKeyText, maxServiceKeyLength } from '../key-text.ts';
import { isServiceAddress, serviceAddressWords } from '../service-address.ts';
import { route } from './route.ts';

export const providerKindSchema = z.enum(['huggingface', 'tgi', 'openai']);
export const providerNameSchema = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,31}$/, 'lower-case letters, digits and hyphens, starting with a letter');

export const providerSchema = z.object({
  name: z.string(),
  kind: providerKindSchema,
  url: z.string(),
  /** The key itself is never read back. */
  hasKey: z.boolean(),
  /** True: from the environment; cannot be changed here. */
  locked: z.boolean(),
  state: z.enum(['unknown', 'reachable', 'failing']),
  error: z.string().nullable(),
  /** What to do about the error. */
  hint: z.string().nullable(),
  /** How many models its list has; null where it was not read yet. */
  models: z.int().nullable(),
  /** Null until it has said what it is. What it cannot do is refused by name or told as ignored, never dropped. */
  capabilities: z
    .object({
      /** What program or service it is. */
      title: z.string(),
      /** Names of sampling settings that it takes, and of those that it does not. */
      sampling: z.array(z.string()),
      notSampling: z.array(z.string()),
      /** Whether it goes on with a half-written answer where that stopped. */
      continueAnswer: z.boolean(),
      rawPrompts: z.boolean(),
      /** Whether a prompt format of one's own can be chosen. */
      chosenFormats: z.boolean(),
    })
    .nullable(),
});
export type Provider = z.infer<typeof providerSchema>;

const byNameSchema = z.strictObject({ name: providerNameSchema });

export const providerRoutes = {
  list: route({
    method: 'GET',
    path: '/api/providers',
    summary: 'Services that answer for models which are not on this machine',
    tag: 'providers',
    status: 200,
    response: z.object({ providers: z.array(providerSchema) }),
  }),
  save: route({
    method: 'PUT',
    path: '/api/providers/:name',
    summary: 'Add or change a service; leaving `key` out keeps the one it has',
    tag: 'providers',
    status: 200,
    params: byNameSchema,
    body: z.strictObject({
      kind: providerKindSchema,
      url: z.string().trim().max(2048).refine(isServiceAddress, serviceAddressWords),
      key: z
        .string()
        .trim()
        .min(1)
        .max(maxServiceKeyLength)
        .refine(isKeyText, 'has characters that no key has; was a masked one copied?')
        .nullable()
        .optional(),
    }),
    response: providerSchema,
  }),
  remove: route({
    method: 'DELETE',
    path: '/api/providers/:name',
    summary: 'Forget a service and its key',
    tag: 'providers',
    status: 204,
    params: byNameSchema,
  }),
  check: route({
    method: 'POST',
    path: '/api/providers/:name/check',
    summary: 'Ask a service for its models to see whether address and key work',
    tag: 'providers',
    status: 200,
    params: byNameSchema,
    response: z.object({ provider: providerSchema, models: z.array(z.string()) }),
  }),
} as const;
