/**
 * Draws the icons that the page is installed with, from the mark of the favicon; they are committed:
 * `node bin/run.mjs app/test/browser/icons.ts`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch } from './open-page.ts';

const folder = join(import.meta.dirname, '..', '..', '..', 'web', 'public');
const mark = readFileSync(join(folder, 'favicon.svg'), 'utf8')
  .replace(/^<svg[^>]*>|<\/svg>\s*$/g, '')
  .trim();

/** `share` of the side is the mark's; what a system cuts off a maskable icon is its ground alone. */
function icon(share: number, radius: number): string {
  const scale = (512 * share) / 24;
  const margin = (512 * (1 - share)) / 2;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 512 512"><rect width="512" height="512" rx="${radius}" fill="#b5563a"/><g transform="translate(${margin} ${margin}) scale(${scale})" fill="none" stroke="#fcfaf6" stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round">${mark}</g></svg>\n`;
}

const rounded = icon(0.62, 112);
const full = icon(0.5, 0);
writeFileSync(join(folder, 'icons', 'icon.svg'), rounded);
const browser = await launch();
for (const [name, svg, size] of [
  ['icon-192', rounded, 192],
  ['icon-512', rounded, 512],
  ['maskable-512', full, 512],
  ['touch-180', full, 180],
] as const) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  await page.setContent(`<style>body{margin:0}svg{display:block}</style>${svg}`);
  await page.screenshot({ path: join(folder, 'icons', `${name}.png`), omitBackground: true });
  await page.close();
}
await browser.close();
