import { z } from 'zod';
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
      url: z.url({ protocol: /^https?$/ }).max(2048),
      key: z.string().min(1).max(4096).nullable().optional(),
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
