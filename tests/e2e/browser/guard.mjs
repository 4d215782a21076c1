// Watches every page of every browser: whom it talks to, what it complains of, what its policy lets in.

import assert from 'node:assert/strict';

export class Guard {
  #origins;
  #problems = [];
  #refused = [];

  // The only origins that pages may talk to.
  constructor(origins) {
    this.#origins = new Set(origins);
  }

  watch(context) {
    context.on('request', (request) => this.#request(request));
    context.on('requestfailed', (request) => this.#failed(request));
    context.on('response', (response) => this.#response(response));
    context.on('console', (message) => this.#console(message));
    context.on('weberror', (error) => this.#problem('an error in a script', error.error().message));
    context.on('page', (page) => {
      page.on('websocket', (socket) => this.#problem('a web socket', socket.url()));
      page.on('download', (download) => this.#problem('a download', download.url()));
    });
  }

  #request(request) {
    const url = new URL(request.url());
    if (url.protocol === 'data:') return;
    if (!this.#origins.has(url.origin)) this.#problem('a request to another origin', url);
    const { referer } = request.headers();
    // What goes with a redirected request is not known here: these are headers that may yet change.
    if (referer && !request.redirectedFrom() && new URL(referer).origin !== url.origin) {
      this.#problem('a referrer for another origin', `${referer} at ${url}`);
    }
  }

  #failed(request) {
    const { errorText } = request.failure();
    // The page went elsewhere meanwhile.
    if (errorText !== 'net::ERR_ABORTED') this.#problem(errorText, request.url());
  }

  #response(response) {
    const url = response.url();
    const status = response.status();
    if (status >= 400) this.#refused.push({ url, status });
    if (response.request().resourceType() === 'document') {
      this.#policy(url, response.headers()['content-security-policy'] ?? '');
    }
  }

  // With this a page runs no inline script, whatever is in it, and stands in nobody's frame.
  #policy(url, policy) {
    const parts = new Map(
      policy.split(';').map((part) => {
        const [name, ...values] = part.trim().split(/\s+/);
        return [name, values.join(' ')];
      }),
    );
    const scripts = parts.get('script-src') ?? "'self'";
    const strict =
      parts.get('default-src') === "'none'" &&
      scripts === "'self'" &&
      parts.get('frame-ancestors') === "'none'" &&
      !policy.includes('unsafe-');
    if (!strict) this.#problem('a weak policy', `${url}: ${policy || 'none at all'}`);
  }

  #console(message) {
    if (!['error', 'warning', 'assert'].includes(message.type())) return;
    const { url } = message.location();
    // Chromium says of every such page what its status says already.
    if (message.text().startsWith('Failed to load resource') && this.#refused.some((one) => one.url === url)) return;
    this.#problem(`a console ${message.type()}`, `${message.text()} (${url})`);
  }

  #problem(what, which) {
    this.#problems.push(`${what}: ${which}`);
  }

  // The page at this address was refused, and should be.
  expectRefused(url, status) {
    const index = this.#refused.findIndex((one) => one.url === url && one.status === status);
    assert.notEqual(index, -1, `${url} answered with ${status}; seen: ${JSON.stringify(this.#refused)}`);
    this.#refused.splice(index, 1);
  }

  // Fails where anything was noticed since the last time.
  check() {
    const refused = this.#refused.map(({ url, status }) => `an answer ${status}: ${url}`);
    const noticed = [...this.#problems, ...refused];
    this.#problems = [];
    this.#refused = [];
    assert.deepEqual(noticed, [], 'the browser should not have seen this');
  }
}

// A guard that notices nothing guards nothing.
export async function guardItself(world) {
  await world.scene('the guard notices what must not be', async (context) => {
    const page = await context.newPage();
    const noticed = async (expected, act) => {
      await page.goto('/');
      const said = page.waitForEvent('console');
      await page.evaluate(act);
      await said;
      assert.throws(() => world.guard.check(), expected);
    };
    await noticed(/Content Security Policy|inline script/, () => {
      const script = document.createElement('script');
      script.textContent = 'globalThis.ran = true';
      document.body.append(script);
    });
    assert.equal(await page.evaluate(() => globalThis.ran), undefined);
    await noticed(/Content Security Policy/, () => {
      document.body.setAttribute('style', 'color: red');
      const image = new Image();
      image.src = 'https://elsewhere.example/pixel.png';
      document.body.append(image);
    });
    await noticed(/an answer 404/, () => {
      const image = new Image();
      image.src = '/assets/nothing.png';
      document.body.append(image);
    });
    const elsewhere = 'http://192.0.2.1:9/';
    await page.route(elsewhere, (route) => route.fulfill({ body: 'elsewhere' }));
    await page.goto(elsewhere);
    assert.throws(() => world.guard.check(), /another origin: http:\/\/192.0.2.1/);
  });
}
