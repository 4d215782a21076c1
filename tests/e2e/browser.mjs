// People in a real browser: everything that a person does with Lanyard's pages, against a running
// `lanyard demo` on a new data folder.
//
//   LANYARD_URL=http://127.0.0.1:8080 PROVIDER_URL=http://localhost:8081 LANYARD_TEST_API_KEY=lyd_… \
//     node tests/e2e/browser.mjs [--screenshots FOLDER]
//
// CHROMIUM names the browser, if it isn't /usr/bin/chromium. --screenshots writes a picture of every
// page: light, dark, and 375 pixels wide.
// Ends with 0 where all went as it should, 1 where it didn't, 2 where it was called wrongly.

import { existsSync, mkdirSync } from 'node:fs';
import { parseArgs, stripVTControlCharacters } from 'node:util';

import { connecting } from './browser/connecting.mjs';
import { firstMinute } from './browser/first-minute.mjs';
import { flows } from './browser/flows.mjs';
import { guardItself } from './browser/guard.mjs';
import { parting } from './browser/parting.mjs';
import { refusals } from './browser/refusals.mjs';
import { without } from './browser/without.mjs';
import { World } from './browser/world.mjs';

const USAGE =
  'usage: LANYARD_URL=… PROVIDER_URL=… LANYARD_TEST_API_KEY=… node browser.mjs [--screenshots FOLDER]';

function called() {
  const { values } = parseArgs({ options: { screenshots: { type: 'string' } } });
  const { LANYARD_URL, PROVIDER_URL, LANYARD_TEST_API_KEY, CHROMIUM } = process.env;
  for (const [name, url] of Object.entries({ LANYARD_URL, PROVIDER_URL })) {
    if (!URL.canParse(url ?? '')) throw new Error(`${name} is missing, or no URL`);
  }
  if (!LANYARD_TEST_API_KEY) throw new Error('LANYARD_TEST_API_KEY is missing');
  const chromium = CHROMIUM || '/usr/bin/chromium';
  if (!existsSync(chromium)) {
    throw new Error(
      `there is no Chromium at ${chromium}: install it (on Debian: apt-get install chromium), or name it by CHROMIUM`,
    );
  }
  if (values.screenshots) mkdirSync(values.screenshots, { recursive: true });
  return {
    lanyard: new URL(LANYARD_URL).origin,
    provider: new URL(PROVIDER_URL).origin,
    key: LANYARD_TEST_API_KEY,
    chromium,
    folder: values.screenshots,
  };
}

let options;
try {
  options = called();
} catch (error) {
  console.error(`${error.message}\n${USAGE}`);
  process.exit(2);
}

const world = new World(options);
try {
  await world.open(options.chromium);
  // In this order: who has which account is carried on from one to the next.
  for (const scene of [guardItself, firstMinute, flows, refusals, without, parting, connecting]) {
    await scene(world);
  }
  console.log(`browser: everything went as it should, in ${world.seconds()} s`);
} catch (error) {
  // Playwright colours its messages for a terminal.
  console.error(stripVTControlCharacters(error.stack));
  await world.showPages();
  console.error('browser: failed');
  process.exitCode = 1;
} finally {
  await world.close();
}
