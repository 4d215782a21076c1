// People who are not let in, and accounts that are not connected: nothing changes by them.

import assert from 'node:assert/strict';

import { look } from './look.mjs';
import {
  agreeTo,
  connected,
  isNobody,
  isRefused,
  isSignedIn,
  leaveToConnect,
  leaveToSignIn,
  openFlows,
  session,
  signIn,
  signInAs,
  someone,
  atProvider,
} from './steps.mjs';

export async function refusals(world) {
  for (const [what, slug, username, code] of [
    ['a person whom the directory does not know', 'acme', 'sam', 'USER_NOT_FOUND'],
    ['an address that is not verified', 'acme', 'iris', 'EMAIL_UNVERIFIED'],
    ['an address of which nothing is said', 'acme', 'teo', 'EMAIL_UNVERIFIED'],
    ['a person who is not active', 'acme', 'lena', 'USER_NOT_ACTIVE'],
  ]) {
    await world.scene(what, async (context) => {
      const page = await context.newPage();
      await unchanged(world, async () => {
        await signIn(page, slug, username);
        await isRefused(world, page, code, 403);
      });
      await look(world, page, `refused-${username}`);
      assert.deepEqual(await session(context), []);
      assert.deepEqual(await openFlows(context), []);
      await isNobody(page);
    });
  }
  await world.scene('somebody who says no at the provider', (context) => denies(world, context));
  await world.scene("somebody else's account", (context) => somebodyElses(world, context));
  await world.scene('addresses that lead nowhere', (context) => nowhere(world, context));
}

async function unchanged(world, run) {
  const before = await world.accounts();
  await run();
  assert.deepEqual(await world.accounts(), before);
}

async function denies(world, context) {
  const page = await context.newPage();
  await page.goto('/sign-in');
  await leaveToSignIn(page, 'acme');
  await page.getByRole('button', { name: 'Deny' }).click();
  await isRefused(world, page, 'ACCESS_DENIED', 403);
  await look(world, page, 'refused-denied');
  assert.deepEqual(await session(context), []);
  await page.getByRole('link', { name: 'Try again' }).click();
  await atProvider(page, 'acme');
  await someone(page, 'ada').click();
  await isSignedIn(page, 'Ada Marlow');
}

async function somebodyElses(world, context) {
  const page = await context.newPage();
  await signInAs(page, 'acme', 'bo', 'Bo Lindqvist');
  const before = await session(context);
  await unchanged(world, async () => {
    await leaveToConnect(page, 'hub');
    await someone(page, 'amarlow').click();
    await agreeTo(page, 'amarlow');
    await isRefused(world, page, 'ACCOUNT_OWNED_BY_ANOTHER_USER', 409);
  });
  await look(world, page, 'refused-somebody-elses');
  // Nor is Bo somebody else now.
  assert.deepEqual(await session(context), before);
  await page.getByRole('link', { name: 'Your account' }).click();
  await isSignedIn(page, 'Bo Lindqvist');
  assert.deepEqual(await connected(page), ['Acme: bo', 'Payroll: Bo Lindqvist']);
}

async function nowhere(world, context) {
  const page = await context.newPage();
  for (const [address, code, status] of [
    ['/nothing-here', 'NOT_FOUND', 404],
    ['/auth/nobody/start?intent=sign_in', 'NOT_FOUND', 404],
    ['/sign-in?return_to=//elsewhere.example', 'BAD_USER_INPUT', 400],
    ['/auth/logout', 'METHOD_NOT_ALLOWED', 405],
    ['/auth/acme/callback?state=made-up&code=made-up', 'FLOW_UNKNOWN', 400],
  ]) {
    await page.goto(address);
    await isRefused(world, page, code, status);
  }
  await page.goto('/nothing-here');
  await isRefused(world, page, 'NOT_FOUND', 404);
  await look(world, page, 'refused-not-found');
}
