import { z } from 'zod';

/**
 * A list of these. `z.array` names every element that is wrong, and a wrong file of 128 MB has millions of them: this
 * stops at the first.
 */
export function listOf<Item extends z.ZodType>(item: Item) {
  return z.array(z.unknown()).transform((values, context): z.output<Item>[] => {
    const items: z.output<Item>[] = [];
    for (const [index, value] of values.entries()) {
      const parsed = item.safeParse(value);
      if (!parsed.success) {
        const message = parsed.error.issues[0]?.message ?? 'is wrong';
        context.addIssue({ code: 'custom', path: [index], message });
        return z.NEVER;
      }
      items.push(parsed.data);
    }
    return items;
  });
}
