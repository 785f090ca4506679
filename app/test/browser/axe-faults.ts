import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';

/** What axe asks of colours unless it is told to ask more. */
const rulesOfColour = ['color-contrast', 'link-in-text-block'];

/** What axe finds wrong in the page as it is now, rule by rule. */
export async function axeFaults(page: Page): Promise<string[]> {
  return faultsOf(builder(page));
}

/**
 * The same in the light theme and in the dark one, of a page that follows the system's. The document is the same in
 * both, so the second time only the rules are asked that look at colours.
 */
export async function axeFaultsInBothThemes(page: Page): Promise<string[]> {
  await show(page, 'light');
  const light = await axeFaults(page);
  await show(page, 'dark');
  const dark = await faultsOf(builder(page).withRules(rulesOfColour));
  await show(page, 'light');
  return [...light, ...dark.map((fault) => `dark: ${fault}`)];
}

/** Looks at one state of a page after the other; what was found in each. */
export function looksAt(page: Page): {
  found: Record<string, string[]>;
  look: (name: string) => Promise<void>;
} {
  const found: Record<string, string[]> = {};
  return {
    found,
    look: async (name) => {
      const list = await axeFaultsInBothThemes(page);
      if (list.length > 0) found[name] = list;
    },
  };
}

function builder(page: Page): AxeBuilder {
  return new AxeBuilder({ page }).options({ resultTypes: ['violations'] });
}

async function show(page: Page, colorScheme: 'light' | 'dark'): Promise<void> {
  await page.emulateMedia({ colorScheme });
  await page.locator(`html[data-theme="${colorScheme}"]`).waitFor();
}

async function faultsOf(axe: AxeBuilder): Promise<string[]> {
  // There are no frames, so the blank page that would put their results together is not needed.
  const { violations } = await axe.setLegacyMode().analyze();
  return violations.flatMap((violation) =>
    violation.nodes.map((node) => `${violation.id}: ${node.target.join(' ')}: ${node.failureSummary ?? ''}`),
  );
}
