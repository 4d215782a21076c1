// People in a real browser who sign in at `oidc-provider`, against a Lanyard whose providers are the
// issuers of a running peer.mjs. Called as browser.mjs is; PROVIDER_URL is the peer's.

import assert from 'node:assert/strict';

import { run } from './browser/run.mjs';
import {
  agreeTo,
  connected,
  isNobody,
  isRefused,
  isSignedIn,
  leaveToConnect,
  leaveToSignIn,
  notice,
  openFlows,
} from './browser/steps.mjs';

const ADA = 'Ada Marlow';
const BASIC = 'Basic: ada';
const KEY = 'Key: ada-at-work';

await run([signsInAndConnects, saysNo]);

async function signsInAndConnects(world) {
  await world.scene('signs in with a secret, connects with a key, and signs in with that', async (context) => {
    const page = await context.newPage();
    await page.goto('/sign-in');
    await leaveToSignIn(page, 'basic');
    await agrees(page, 'ada');
    await isSignedIn(page, ADA);
    assert.deepEqual(await connected(page), [BASIC]);

    await leaveToConnect(page, 'key');
    await agrees(page, 'ada-at-work');
    await agreeTo(page, 'ada-at-work');
    await isSignedIn(page, ADA);
    await notice(page, 'Key is connected.').waitFor();
    assert.deepEqual(await connected(page), [BASIC, KEY]);
    assert.deepEqual(await openFlows(context), []);

    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await isNobody(page);
    // Still known at the peer: it asks for no name.
    await page.getByRole('link', { name: 'Continue with Key' }).click();
    await allows(page);
    await isSignedIn(page, ADA);
    assert.deepEqual(await connected(page), [BASIC, KEY]);
  });
}

async function saysNo(world) {
  await world.scene('says no at the peer, and is nobody', async (context) => {
    const page = await context.newPage();
    await page.goto('/sign-in');
    await leaveToSignIn(page, 'basic');
    await saysWho(page, 'ada');
    await page.getByRole('button', { name: 'Deny' }).click();
    await isRefused(world, page, 'ACCESS_DENIED', 403);
    await isNobody(page);
  });
}

async function saysWho(page, username) {
  await page.getByRole('textbox', { name: 'Username' }).fill(username);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

async function allows(page) {
  await page.getByRole('button', { name: 'Allow' }).click();
}

// From the peer's first question to where it leads.
async function agrees(page, username) {
  await saysWho(page, username);
  await allows(page);
}
