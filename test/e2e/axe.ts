import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';

/** Something that axe holds against a screen. */
export interface Finding {
  screen: string;
  theme: string;
  rule: string;
  where: string[];
}

/** What axe finds: of everything in light, in dark only of what can differ there. Ends in light. */
export async function axeFindings(page: Page, screen: string): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const theme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme: theme });
    // Nobody reads what it says of all the rest, and to gather that takes longest.
    const axe = new AxeBuilder({ page }).setLegacyMode(true).options({ resultTypes: ['violations'] });
    if (theme === 'dark') axe.withRules(['color-contrast']);
    const { violations } = await axe.analyze();
    for (const { id, nodes } of violations)
      found.push({ screen, theme, rule: id, where: nodes.map((node) => node.target.join(' ')) });
  }
  return found;
}
