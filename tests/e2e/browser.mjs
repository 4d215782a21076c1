// People in a real browser: everything that a person does with Lanyard's pages, against a running
// `lanyard demo` on a new data folder.
//
//   LANYARD_URL=http://127.0.0.1:8080 PROVIDER_URL=http://localhost:8081 LANYARD_TEST_API_KEY=lyd_… \
//     node tests/e2e/browser.mjs [--screenshots FOLDER]
//
// CHROMIUM names the browser, if it isn't /usr/bin/chromium. --screenshots writes a picture of every
// page: light, dark, and 375 pixels wide.
// Ends with 0 where all went as it should, 1 where it didn't, 2 where it was called wrongly.

import { connecting } from './browser/connecting.mjs';
import { firstMinute } from './browser/first-minute.mjs';
import { flows } from './browser/flows.mjs';
import { guardItself } from './browser/guard.mjs';
import { isNew } from './browser/new.mjs';
import { parting } from './browser/parting.mjs';
import { refusals } from './browser/refusals.mjs';
import { run } from './browser/run.mjs';
import { without } from './browser/without.mjs';

await run([isNew, guardItself, firstMinute, flows, refusals, without, parting, connecting]);
