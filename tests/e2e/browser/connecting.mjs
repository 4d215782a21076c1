// Links that an application starts for a user of its own: nobody is signed in at Lanyard. The
// application is a page at the provider's origin, which the guard knows: no referrer gets there.
// Ada has no account at Hub any more.

import assert from 'node:assert/strict';

import { look } from './look.mjs';
import { agreeTo, atProvider, heading, isFound, isRefused, openFlows, session, someone } from './steps.mjs';

const START = `mutation($input: StartLinkInput!) {
  startLink(input: $input) { url userErrors { code message } }
}`;
const COMPLETE = `mutation($code: String!, $userId: ID!) {
  completeLink(code: $code, userId: $userId) { outcome identity { externalId } userErrors { code } }
}`;

export async function connecting(world) {
  const application = await Application.of(world);
  for (const [name, run] of [
    ['an application links an account of its user', links],
    ['an application hears that its user has said no', cancels],
    ['a connect link that was used, and one that never was', usedUp],
    ['a link begun in one browser and ended in another', elsewhere],
  ]) {
    await world.scene(name, (context) => run(world, context, application));
  }
}

class Application {
  // A key of its own, and two users whom it knows.
  static async of(world) {
    const { createApiKey } = await world.ask(
      `mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret userErrors { message } } }`,
      {
        input: {
          name: 'portal',
          scopes: ['identity:write', 'identity:assert', 'identity:read'],
          returnOrigins: [world.provider],
        },
      },
    );
    const { ada, bo, hub } = await world.ask(`{
      ada: user(entityRef: "user:default/ada") { id }
      bo: user(entityRef: "user:default/bo") { id }
      hub: identityProvider(slug: "hub") { id }
    }`);
    return Object.assign(new Application(), {
      returnTo: `${world.provider}/?at=portal`,
      key: createApiKey.secret,
      ada: ada.id,
      bo: bo.id,
      hub: hub.id,
    });
  }

  async start(world, userId) {
    const input = { providerId: this.hub, userId, returnTo: this.returnTo };
    const { startLink } = await this.#ask(world, START, { input });
    assert.deepEqual(startLink.userErrors, []);
    return startLink.url;
  }

  async complete(world, code, userId) {
    const { completeLink } = await this.#ask(world, COMPLETE, { code, userId });
    return completeLink;
  }

  async #ask(world, query, variables) {
    const response = await fetch(`${world.lanyard}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${this.key}` },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = await response.json();
    // What failed is null beside its error.
    return errors ? { completeLink: errors[0].extensions.code } : data;
  }

  // The browser is back, with this parameter and nothing else of ours.
  async isBack(page, name) {
    await heading(page, 'A make-believe OpenID provider').waitFor();
    const { searchParams } = new URL(page.url());
    assert.deepEqual([...searchParams.keys()], ['at', name]);
    assert.equal(await page.evaluate(() => document.referrer), '');
    return searchParams.get(name);
  }
}

async function agree(page) {
  await heading(page, 'Connect your account at Hub').waitFor();
  await page.getByRole('button', { name: 'Continue to Hub' }).click();
  await atProvider(page, 'hub');
}

async function links(world, context, application) {
  const page = await context.newPage();
  await page.goto(await application.start(world, application.ada));
  await page.getByText('portal', { exact: true }).first().waitFor();
  await page.getByText('user:default/ada', { exact: true }).waitFor();
  await page.getByText(world.provider).first().waitFor();
  await look(world, page, 'connect-confirm');
  await agree(page);
  await someone(page, 'amarlow').click();
  await isFound(page, 'amarlow');
  await look(world, page, 'connect-found');
  await agreeTo(page, 'amarlow');
  const code = await application.isBack(page, 'link_code');
  assert.deepEqual(await openFlows(context), []);
  assert.deepEqual(await session(context), []);
  // The code is for the user whom the link was started for.
  assert.equal(await application.complete(world, code, application.bo), 'NOT_FOUND');
  const linked = await application.complete(world, code, application.ada);
  assert.deepEqual(linked, { outcome: 'CREATED', identity: { externalId: '4471' }, userErrors: [] });
  assert.equal(await application.complete(world, code, application.ada), 'NOT_FOUND');
}

async function cancels(world, context, application) {
  const page = await context.newPage();
  const before = await world.accounts();
  await page.goto(await application.start(world, application.ada));
  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  assert.equal(await application.isBack(page, 'link_error'), 'CANCELLED');

  await page.goto(await application.start(world, application.ada));
  await agree(page);
  await page.getByRole('button', { name: 'Deny' }).click();
  assert.equal(await application.isBack(page, 'link_error'), 'ACCESS_DENIED');

  await page.goto(await application.start(world, application.ada));
  await agree(page);
  await someone(page, 'drifter').click();
  await isFound(page, 'drifter');
  await page.getByRole('button', { name: 'Not me, cancel' }).click();
  assert.equal(await application.isBack(page, 'link_error'), 'CANCELLED');
  assert.deepEqual(await world.accounts(), before);
}

async function usedUp(world, context, application) {
  const page = await context.newPage();
  const url = await application.start(world, application.ada);
  // Looking uses nothing up.
  for (let times = 0; times < 2; times += 1) await page.goto(url);
  await agree(page);
  await page.goto(url);
  await isRefused(world, page, 'LINK_USED', 410);
  await look(world, page, 'refused-link-used');
  await page.goto('/connect/made-up');
  await isRefused(world, page, 'LINK_UNKNOWN', 404);
  await look(world, page, 'refused-link-unknown');
}

async function elsewhere(world, context, application) {
  const page = await context.newPage();
  await page.goto(await application.start(world, application.bo));
  await agree(page);
  await someone(page, 'drifter').click();
  await isFound(page, 'drifter');
  const stranger = await world.visitor();
  const tab = await stranger.newPage();
  await tab.goto(page.url());
  await isRefused(world, tab, 'FLOW_OF_ANOTHER_BROWSER', 403);
  assert.equal(await tab.getByText('drifter').count(), 0);
  await stranger.close();
}
