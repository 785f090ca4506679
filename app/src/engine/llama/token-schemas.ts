import { z } from 'zod';

/** Tokens with their probabilities, as an engine child tells them. */

export const maxAlternatives = 32;

const alternativeSchema = z.strictObject({
  id: z.int(),
  text: z.string(),
  bytes: z.array(z.int().min(0).max(255)).max(4096),
  /** JSON has no infinity: a banned token's log-probability travels as -1e9. */
  logprob: z.number(),
});

export const tokenLogprobSchema = alternativeSchema.extend({
  top: z.array(alternativeSchema).max(maxAlternatives),
});

const scoredAlternativeSchema = alternativeSchema.extend({ kind: z.enum(['text', 'end', 'control']) });

/** A token of a text that was scored, at its place in the text. */
export const scoredTokenSchema = alternativeSchema.extend({
  offset: z.int().min(0),
  top: z.array(scoredAlternativeSchema).max(maxAlternatives),
});
