import { z } from 'zod';

/** The token lens: an answer as the tokens it is made of, and what else the model might have written. */

export const lensAlternativeSchema = z.strictObject({
  id: z.int(),
  text: z.string(),
  /** Natural logarithm of the probability, by the model's own distribution before any sampling setting. */
  logprob: z.number(),
  /** `part` is a piece of a character, `end` the end of the answer, `control` what only a prompt format writes. */
  kind: z.enum(['text', 'part', 'end', 'control']),
});
export type LensAlternative = z.infer<typeof lensAlternativeSchema>;

export const lensTokenSchema = z.strictObject({
  /** More than one where several tokens make one character; the alternatives are then those of the first. */
  ids: z.array(z.int()).min(1),
  text: z.string(),
  /** Of all its ids together. */
  logprob: z.number(),
  /** The likeliest first; the token itself is among them only where it was one of the likeliest. */
  alternatives: z.array(lensAlternativeSchema),
});
export type LensToken = z.infer<typeof lensTokenSchema>;

export const tokenLensSchema = z.strictObject({
  model: z.string(),
  /**
   * `receipt`: the prompt that the answer had. `other-weights`: that prompt, but the model's file is another one now.
   * `now`: there is no receipt, so the prompt is what the settings of the chat make of it today.
   */
  basis: z.enum(['receipt', 'other-weights', 'now']),
  /** From the first character on without a gap; a long answer, or one without room in the context, ends early. */
  tokens: z.array(lensTokenSchema),
});
export type TokenLens = z.infer<typeof tokenLensSchema>;
