// The first minute: sign in by Acme, connect Hub, see both in GraphiQL, sign out, sign in by Hub.

import assert from 'node:assert/strict';

import * as graphiql from './graphiql.mjs';
import { look } from './look.mjs';
import {
  agreeTo,
  atProvider,
  connected,
  heading,
  isFound,
  isNobody,
  isSignedIn,
  leaveToConnect,
  leaveToSignIn,
  notice,
  openFlows,
  session,
  someone,
} from './steps.mjs';

const PAYROLL = 'Payroll: Ada Marlow';
const ACME = 'Acme: ada';
const HUB = 'Hub: amarlow';

const MINE = `query Mine($first: Int!) {
  viewer { ... on User { identities(first: $first) { nodes { provider { slug } username } } } }
}`;
const VARIABLES = '{ "first": 10 }';
const MY_ACCOUNTS = [
  { provider: { slug: 'payroll' }, username: null },
  { provider: { slug: 'acme' }, username: 'ada' },
  { provider: { slug: 'hub' }, username: 'amarlow' },
];

export async function firstMinute(world) {
  const context = await world.visitor();
  const page = await context.newPage();
  for (const [name, run] of [
    ['signs in by Acme as Ada', signsIn],
    ['connects an account at Hub', connects],
    ['sees both in GraphiQL, with the session', seesBoth],
    ['asks with an API key', asksWithKey],
    ['signs out, and is out', signsOut],
    ['signs in by Hub as the same person', signsInAgain],
  ]) {
    await world.step(name, () => run(world, page, context));
  }
  await context.close();
}

async function signsIn(world, page, context) {
  await page.goto('/');
  await look(world, page, 'start-signed-out');
  // Twice: in the navigation, and as the thing to do.
  await page.getByRole('main').getByRole('link', { name: 'Sign in' }).click();
  await heading(page, 'Sign in').waitFor();
  await look(world, page, 'sign-in');
  await leaveToSignIn(page, 'acme');
  await look(world, page, 'provider-chooser');
  assert.deepEqual(await context.cookies(world.provider), [], 'no cookie of ours is for the provider');
  await someone(page, 'ada').click();
  await isSignedIn(page, 'Ada Marlow');

  assert.deepEqual(await connected(page), [ACME, PAYROLL]);
  await page.getByRole('link', { name: 'Connect Hub', exact: true }).waitFor();
  assert.equal(await page.getByRole('link', { name: 'Connect Acme', exact: true }).count(), 0);
  await look(world, page, 'account-before');
  const [cookie, ...others] = await session(context);
  assert.deepEqual(others, []);
  assert.equal(cookie.httpOnly, true);
  assert.equal(cookie.sameSite, 'Lax');
  assert.deepEqual(await openFlows(context), []);
  await page.goto('/');
  await page.getByText('You are signed in as Ada Marlow.').waitFor();
  await look(world, page, 'start-signed-in');
  await page.getByRole('link', { name: 'Your account' }).click();
}

async function connects(world, page) {
  await page.getByRole('link', { name: 'Connect Hub', exact: true }).click();
  await heading(page, 'Connect your account at Hub').waitFor();
  await page.getByRole('main').getByText('user:default/ada').waitFor();
  await look(world, page, 'link-confirm');

  // The page in between goes on by itself. Here it may not, to be looked at; then its link does it.
  const start = `${world.lanyard}/auth/hub/start`;
  await page.route(start, async (route) => {
    const response = await route.fetch();
    const [stays, ...more] = (await response.text()).split(/<meta http-equiv="refresh"[^>]*>/);
    assert.equal(more.length, 1, 'it goes on by itself');
    await route.fulfill({ response, body: stays + more[0] });
  });
  await page.getByRole('button', { name: 'Continue to Hub' }).click();
  await heading(page, 'One moment').waitFor();
  await page.unroute(start);
  await look(world, page, 'leave');
  await page.getByRole('link', { name: 'Go on to Hub' }).click();
  await atProvider(page, 'hub');

  await someone(page, 'amarlow').click();
  await isFound(page, 'amarlow');
  await look(world, page, 'account-found');
  await page.getByRole('button', { name: 'Not me, cancel' }).click();
  await isSignedIn(page, 'Ada Marlow');
  assert.deepEqual(await connected(page), [ACME, PAYROLL]);
  await leaveToConnect(page, 'hub');
  await someone(page, 'amarlow').click();
  await agreeTo(page, 'amarlow');
  await isSignedIn(page, 'Ada Marlow');
  await notice(page, 'Hub is connected.').waitFor();
  assert.deepEqual(await connected(page), [ACME, HUB, PAYROLL]);
  assert.equal(await page.getByRole('link', { name: /^Connect / }).count(), 0);
  await look(world, page, 'account-after');
}

async function seesBoth(world, page) {
  await page.getByRole('link', { name: 'GraphiQL' }).click();
  await graphiql.isReady(page);
  await graphiql.isAsking(page, 'You are Ada Marlow · user:default/ada');
  assert.ok(await page.getByRole('radio', { name: 'My session' }).isChecked());
  // The example, as it stands.
  const { viewer } = await graphiql.run(page);
  const names = viewer.identities.nodes.map(({ provider }) => provider.name);
  assert.deepEqual(names.sort(), ['Acme', 'Hub', 'Payroll']);
  await look(world, page, 'graphiql-example');

  await graphiql.write(page, 'query', MINE);
  await graphiql.write(page, 'variables', VARIABLES);
  assert.deepEqual(sorted((await graphiql.run(page)).viewer.identities.nodes), sorted(MY_ACCOUNTS));
  await look(world, page, 'graphiql-session');

  await page.reload();
  await graphiql.isReady(page);
  assert.equal(await graphiql.text(page, 'query'), MINE);
  assert.equal(await graphiql.text(page, 'variables'), VARIABLES);
  assert.deepEqual(sorted((await graphiql.run(page)).viewer.identities.nodes), sorted(MY_ACCOUNTS));
}

async function asksWithKey(world, page) {
  await page.getByText('API key', { exact: true }).first().click();
  await graphiql.isAsking(page, 'Paste a key; it stays in this tab.');
  await page.getByRole('textbox', { name: 'API key' }).fill(world.key);
  await graphiql.isAsking(page, /^Key .* · admin$/);
  const query = '{ viewer { __typename } users { totalCount } }';
  await graphiql.write(page, 'query', query);
  const answer = { viewer: { __typename: 'ApiKey' }, users: { totalCount: 7 } };
  assert.deepEqual(await graphiql.run(page), answer);
  await look(world, page, 'graphiql-key');

  await page.reload();
  await graphiql.isReady(page);
  await graphiql.isAsking(page, /^Key .* · admin$/);
  assert.deepEqual(await graphiql.run(page), answer);
  const lasting = await page.evaluate(() => JSON.stringify(localStorage));
  assert.ok(!lasting.includes(world.key), 'the key outlives the tab');

  await page.getByText('My session', { exact: true }).click();
  await graphiql.isAsking(page, 'You are Ada Marlow');
}

async function signsOut(world, page, context) {
  await page.getByRole('link', { name: 'Lanyard' }).click();
  await page.getByRole('link', { name: 'Your account' }).click();
  await isSignedIn(page, 'Ada Marlow');
  const before = await session(context);
  await page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await notice(page, 'You are signed out.').waitFor();
  await look(world, page, 'start-after-sign-out');
  assert.deepEqual(await session(context), []);
  await isNobody(page);
  await page.getByText('Sign in to go on.').waitFor();
  await page.goBack();
  await page.getByRole('main').getByRole('link', { name: 'Sign in' }).waitFor();

  // The session is over for whoever kept its cookie, too.
  await context.addCookies(before);
  await isNobody(page);
  await page.getByText('Your session has ended.').waitFor();
  await look(world, page, 'sign-in-session-ended');
  await graphiql.open(page);
  await graphiql.isAsking(page, 'The session is over, or unknown: sign in again.');
  world.guard.expectRefused(`${world.lanyard}/graphql`, 401);
  await look(world, page, 'graphiql-session-ended');
}

async function signsInAgain(world, page) {
  await page.getByRole('status').getByRole('link', { name: 'Sign in' }).click();
  await leaveToSignIn(page, 'hub');
  await someone(page, 'amarlow').click();
  // Back where the person wanted to be.
  await graphiql.isReady(page);
  await graphiql.isAsking(page, 'You are Ada Marlow · user:default/ada');
  await page.goto('/account');
  await isSignedIn(page, 'Ada Marlow');
  assert.deepEqual(await connected(page), [ACME, HUB, PAYROLL]);
}

const sorted = (rows) => rows.map((row) => JSON.stringify(row)).sort();
