// Ways to the provider and back that cross each other, are gone twice, or begun by somebody else.
// Ada has her accounts at Acme and at Hub.

import assert from 'node:assert/strict';

import { look } from './look.mjs';
import {
  answerOf,
  connected,
  heading,
  isNobody,
  isRefused,
  isSignedIn,
  leaveToSignIn,
  openFlows,
  session,
  signIn,
  signInAs,
  someone,
} from './steps.mjs';

const ADA = 'Ada Marlow';

export async function flows(world) {
  for (const order of [
    ['acme', 'hub'],
    ['hub', 'acme'],
  ]) {
    await world.scene(`two tabs at once, first back from ${order[0]}`, (context) => twoTabs(world, context, order));
  }
  await world.scene('the back button after a finished flow', (context) => goesBack(world, context));
  await world.scene('an answer that comes again', (context) => replayed(world, context));
  await world.scene('an answer in another browser', (context) => elsewhere(world, context));
  await world.scene('a new session at every sign-in', (context) => rotated(world, context));
}

async function twoTabs(world, context, order) {
  const usernames = { acme: 'ada', hub: 'amarlow' };
  const tabs = {};
  // Always begun in the same order.
  for (const slug of ['acme', 'hub']) {
    tabs[slug] = await context.newPage();
    await tabs[slug].goto('/sign-in');
    await leaveToSignIn(tabs[slug], slug);
  }
  assert.equal((await openFlows(context)).length, 2);
  for (const slug of order) {
    await someone(tabs[slug], usernames[slug]).click();
    await isSignedIn(tabs[slug], ADA);
  }
  assert.deepEqual(await openFlows(context), []);
  for (const tab of Object.values(tabs)) {
    await tab.reload();
    await isSignedIn(tab, ADA);
  }
}

async function goesBack(world, context) {
  const page = await context.newPage();
  await signInAs(page, 'acme', 'ada', ADA);
  const before = await session(context);
  await page.goBack();
  await heading(page, 'Sign in at Acme').waitFor();
  await someone(page, 'ada').click();
  await isRefused(world, page, 'FLOW_UNKNOWN', 400);
  await look(world, page, 'refused-flow-unknown');
  // Nothing has happened to the session.
  assert.deepEqual(await session(context), before);
  await page.getByRole('link', { name: 'Your account' }).click();
  await isSignedIn(page, ADA);
}

async function replayed(world, context) {
  const page = await context.newPage();
  await page.goto('/sign-in');
  await leaveToSignIn(page, 'acme');
  const answer = await answerOf(page, 'ada');
  await page.goto(answer);
  await isSignedIn(page, ADA);
  await page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await heading(page, 'One person, many accounts').waitFor();
  await page.goto(answer);
  await isRefused(world, page, 'FLOW_UNKNOWN', 400);
  await isNobody(page);
}

async function elsewhere(world, context) {
  const page = await context.newPage();
  await page.goto('/sign-in');
  await leaveToSignIn(page, 'acme');
  const answer = await answerOf(page, 'ada');

  const stranger = await world.visitor();
  const tab = await stranger.newPage();
  await tab.goto(answer);
  await isRefused(world, tab, 'FLOW_OF_ANOTHER_BROWSER', 403);
  await look(world, tab, 'refused-another-browser');
  assert.deepEqual(await session(stranger), []);
  // The same where the stranger has a flow open too.
  await tab.goto('/sign-in');
  await leaveToSignIn(tab, 'acme');
  await tab.goto(answer);
  await isRefused(world, tab, 'FLOW_OF_ANOTHER_BROWSER', 403);
  await isNobody(tab);
  await stranger.close();

  // Whose flow it is can still end it.
  await page.goto(answer);
  await isSignedIn(page, ADA);
}

async function rotated(world, context) {
  const page = await context.newPage();
  await page.goto('/sign-in');
  await leaveToSignIn(page, 'acme');
  const answer = await answerOf(page, 'ada');
  const other = await context.newPage();
  await signIn(other, 'hub', 'amarlow');
  await isSignedIn(other, ADA);
  const [first] = await session(context);
  await page.goto(answer);
  await isSignedIn(page, ADA);
  const [second] = await session(context);
  assert.notEqual(second.value, first.value);
  const kept = await world.visitor();
  await kept.addCookies([first]);
  await isNobody(await kept.newPage());
  await kept.close();
  assert.equal((await connected(page)).length, 3);
}
