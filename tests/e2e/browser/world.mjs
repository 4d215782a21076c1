// What all scenes share: the addresses, the browser, the API, and the record of what was done.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

import { Guard } from './guard.mjs';

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];
// A machine that runs other tests besides is slow.
export const TIMEOUT_MS = 30_000;
const START_MS = 90_000;

export const WIDE = { width: 1280, height: 800 };

export class World {
  #browser;
  #began = performance.now();

  constructor({ lanyard, provider, key, folder }) {
    Object.assign(this, { lanyard, provider, key, folder });
    this.guard = new Guard([lanyard, provider]);
  }

  async open(executablePath) {
    await this.step('Chromium starts', () => this.#start(executablePath));
  }

  async #start(executablePath) {
    this.#browser = await chromium.launch({ executablePath, args: ARGUMENTS, timeout: START_MS });
  }

  // A browser of its own, as far as cookies and storage go.
  async visitor(options = {}) {
    const context = await this.#browser.newContext({
      baseURL: this.lanyard,
      viewport: WIDE,
      locale: 'en-GB',
      serviceWorkers: 'block',
      ...options,
    });
    context.setDefaultTimeout(TIMEOUT_MS);
    this.guard.watch(context);
    return context;
  }

  // Runs something in a new browser, and says how it went.
  async scene(name, run, options) {
    await this.step(name, async () => {
      const context = await this.visitor(options);
      await run(context);
      await context.close();
    });
  }

  async step(name, run) {
    const began = performance.now();
    try {
      await run();
      this.guard.check();
    } catch (error) {
      console.log(`FAILED    ${name}`);
      throw error;
    }
    console.log(`ok ${seconds(began).padStart(4)} s  ${name}`);
  }

  // The data of an answer, for an administrator.
  async ask(query, variables = {}) {
    const response = await fetch(`${this.lanyard}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${this.key}` },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const { data, errors } = await response.json();
    assert.equal(errors, undefined, JSON.stringify(errors));
    return data;
  }

  // Everybody's accounts, by reference: what a refused flow must leave as it is.
  async accounts() {
    const { users } = await this.ask(`{
      users(first: 20) { nodes {
        entityRef status
        identities(first: 10) { nodes { id externalId version provider { slug } } }
      } }
    }`);
    return users.nodes;
  }

  seconds() {
    return seconds(this.#began);
  }

  // Where everybody is, for whoever reads of a failure.
  async showPages() {
    const pages = (this.#browser?.contexts() ?? []).flatMap((context) => context.pages());
    for (const [index, page] of pages.entries()) {
      // The failure itself may be that the page is gone.
      const text = await page.innerText('body', { timeout: 1_000 }).catch((error) => error.message);
      console.error(`\nA page at ${page.url().replace(/\?.*/, '?…')}:\n${text.slice(0, 1_500)}`);
      if (this.folder) {
        const path = join(this.folder, `failed-${index}.png`);
        await page.screenshot({ path, timeout: 5_000 }).catch(() => {});
      }
    }
  }

  async close() {
    await this.#browser?.close();
  }
}

function seconds(began) {
  return ((performance.now() - began) / 1_000).toFixed(1);
}
