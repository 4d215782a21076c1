// A script that runs scenes in Chromium: how it is called, and how it ends.

import { existsSync, mkdirSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs, stripVTControlCharacters } from 'node:util';

import { World } from './world.mjs';

const script = basename(process.argv[1]);
const USAGE = `usage: LANYARD_URL=… PROVIDER_URL=… LANYARD_TEST_API_KEY=… node ${script} [--screenshots FOLDER]`;

// Runs them in this order: who has which account is carried on from one to the next.
export async function run(scenes) {
  const options = given();
  const world = new World(options);
  try {
    await world.open(options.chromium);
    for (const scene of scenes) await scene(world);
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
}

function given() {
  try {
    return called();
  } catch (error) {
    console.error(`${error.message}\n${USAGE}`);
    process.exit(2);
  }
}

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
