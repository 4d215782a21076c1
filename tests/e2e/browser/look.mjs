// Looks at a page: what every page has to be, and pictures of it.

import assert from 'node:assert/strict';
import { join } from 'node:path';

import { WIDE } from './world.mjs';

const NARROW = { width: 375, height: 740 };

// Checks the page that is there, and keeps pictures of it under that name, where they are wanted.
export async function look(world, page, name) {
  const found = await page.evaluate(inspect);
  assert.deepEqual(found.scripts, [], `${name}: inline scripts`);
  assert.equal(found.headings, 1, `${name}: one main heading`);
  assert.equal(found.language, 'en', `${name}: its language`);
  assert.match(found.title, /\S/, `${name}: its title`);
  await picture(world, page, `${name}-light`);
  await page.emulateMedia({ colorScheme: 'dark' });
  await picture(world, page, `${name}-dark`);
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize(NARROW);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= NARROW.width, `${name}: ${width} pixels on a phone of ${NARROW.width}`);
  await picture(world, page, `${name}-narrow`);
  await page.setViewportSize(WIDE);
}

async function picture(world, page, name) {
  if (!world.folder) return;
  await page.screenshot({ path: join(world.folder, `${name}.png`), fullPage: true });
}

// Runs in the page.
function inspect() {
  const scripts = [...document.querySelectorAll('script:not([src])')].map((script) => script.outerHTML);
  for (const element of document.querySelectorAll('*')) {
    for (const { name, value } of element.attributes) {
      if (name.startsWith('on') || /^\s*javascript:/i.test(value)) scripts.push(`${name}=${value}`);
    }
  }
  return {
    scripts,
    headings: document.querySelectorAll('h1').length,
    language: document.documentElement.lang,
    title: document.title,
  };
}
