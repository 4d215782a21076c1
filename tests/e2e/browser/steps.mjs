// What people do and see, in their words.

import assert from 'node:assert/strict';

import { TIMEOUT_MS } from './world.mjs';

const NAMES = { acme: 'Acme', hub: 'Hub', basic: 'Basic', key: 'Key' };

export const heading = (page, name) => page.getByRole('heading', { level: 1, name, exact: true });

// What has just happened, where a page says so.
export const notice = (page, text) => page.getByRole('status').getByText(text, { exact: true });

// From the sign-in page to the provider's.
export async function leaveToSignIn(page, slug) {
  await page.getByRole('link', { name: `Continue with ${NAMES[slug]}` }).click();
  await atProvider(page, slug);
}

export async function atProvider(page, slug) {
  await heading(page, `Sign in at ${NAMES[slug]}`).waitFor();
}

// A person on the provider's page.
export const someone = (page, username) =>
  page.getByRole('button', { name: new RegExp(`\\b${username} ·`) });

// From anywhere to the end of a sign-in, whatever that is.
export async function signIn(page, slug, username) {
  await page.goto('/sign-in');
  await leaveToSignIn(page, slug);
  await someone(page, username).click();
}

export async function isSignedIn(page, name) {
  await heading(page, name).waitFor();
  assert.equal(new URL(page.url()).pathname, '/account');
}

export async function signInAs(page, slug, username, name) {
  await signIn(page, slug, username);
  await isSignedIn(page, name);
}

// From the account page to the provider's, by the question in between.
export async function leaveToConnect(page, slug) {
  await page.getByRole('link', { name: `Connect ${NAMES[slug]}`, exact: true }).click();
  await confirmConnecting(page, slug);
}

export async function confirmConnecting(page, slug) {
  await heading(page, `Connect your account at ${NAMES[slug]}`).waitFor();
  await page.getByRole('button', { name: `Continue to ${NAMES[slug]}` }).click();
  await atProvider(page, slug);
}

// On the page after the provider: the account that was found, and whether it is the right one.
export async function isFound(page, name) {
  await heading(page, 'Is this your account?').waitFor();
  await page.getByRole('main').getByText(name, { exact: true }).first().waitFor();
}

export async function agreeTo(page, name) {
  await isFound(page, name);
  await page.getByRole('button', { name: 'Connect', exact: true }).click();
}

// The connected accounts on the account page: provider and what the account is called there.
export async function connected(page) {
  const accounts = page.getByRole('region', { name: 'Connected accounts' }).getByRole('listitem');
  const found = [];
  for (const account of await accounts.filter({ has: page.getByRole('heading') }).all()) {
    const provider = await account.getByRole('heading').locator('bdi').innerText();
    found.push(`${provider}: ${await account.locator('p').first().innerText()}`);
  }
  return found.sort();
}

// The page of a refusal, with its code and status.
export async function isRefused(world, page, code, status) {
  await page.getByText(code, { exact: true }).waitFor();
  world.guard.expectRefused(page.url(), status);
}

// Nobody is signed in: the account page asks for it.
export async function isNobody(page) {
  await page.goto('/account');
  await heading(page, 'Sign in').waitFor();
  assert.equal(new URL(page.url()).pathname, '/sign-in');
}

export async function cookies(context, prefix) {
  const all = await context.cookies();
  return all.filter(({ name }) => name.replace('__Host-', '').startsWith(prefix));
}

export const session = (context) => cookies(context, 'lanyard-session');
export const openFlows = (context) => cookies(context, 'lanyard-flow-');

// The address that the provider would send the person back to; the browser stays where it is.
export async function answerOf(page, username) {
  const form = page.locator('form');
  const action = new URL(await form.getAttribute('action'), page.url());
  const body = new URLSearchParams({ person: username });
  for (const input of await form.locator('input').all()) {
    body.append(await input.getAttribute('name'), await input.getAttribute('value'));
  }
  const response = await fetch(action, { method: 'POST', body, redirect: 'manual' });
  return response.headers.get('location');
}

// Asks again until it is so.
export async function until(what, isSo) {
  const end = performance.now() + TIMEOUT_MS;
  for (;;) {
    const found = await isSo();
    if (found) return found;
    assert.ok(performance.now() < end, `${what}: not in time`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
