// What a person parts with: sessions elsewhere, and accounts but the last way in. Ada has her
// accounts at Acme and at Hub.

import assert from 'node:assert/strict';

import { look } from './look.mjs';
import {
  connected,
  heading,
  isNobody,
  isRefused,
  isSignedIn,
  notice,
  session,
  signInAs,
} from './steps.mjs';

const ADA = 'Ada Marlow';
const PAYROLL = 'Payroll: Ada Marlow';
const ACME = 'Acme: ada';
const HUB = 'Hub: amarlow';

export async function parting(world) {
  const [here, elsewhere] = [await world.visitor(), await world.visitor()];
  const [page, other] = [await here.newPage(), await elsewhere.newPage()];
  for (const [name, run] of [
    ['signs out everywhere else', signsOutElsewhere],
    ['disconnects an account, and is out elsewhere', disconnects],
    ['keeps the last way in', keepsTheLast],
    ['disconnects an account that signs nobody in', disconnectsAnother],
  ]) {
    await world.step(name, () => run(world, page, other, here));
  }
  await here.close();
  await elsewhere.close();
}

const disconnect = (page, name) => page.getByRole('link', { name: `Disconnect ${name}`, exact: true });
const button = (page, name) => page.getByRole('button', { name, exact: true });

async function signsOutElsewhere(world, page, other, here) {
  await signInAs(page, 'acme', 'ada', ADA);
  await signInAs(other, 'hub', 'amarlow', ADA);
  const before = await session(here);
  await page.reload();
  await button(page, 'Sign out everywhere else').click();
  await notice(page, 'You are signed out everywhere else.').waitFor();
  await isSignedIn(page, ADA);
  await look(world, page, 'account-signed-out-elsewhere');
  assert.equal(await button(page, 'Sign out everywhere else').count(), 0, 'there is nowhere else');
  assert.deepEqual(await session(here), before);
  await isNobody(other);
}

async function disconnects(world, page, other) {
  await signInAs(other, 'hub', 'amarlow', ADA);
  await page.goto('/account');
  assert.deepEqual(await connected(page), [ACME, HUB, PAYROLL]);
  await disconnect(page, 'Hub').click();
  await heading(page, 'Disconnect your account at Hub').waitFor();
  await page.getByRole('main').getByText('amarlow', { exact: true }).waitFor();
  await page.getByText('You can no longer sign in with it.').waitFor();
  await look(world, page, 'disconnect-confirm');
  await page.getByRole('link', { name: 'Cancel' }).click();
  await isSignedIn(page, ADA);
  assert.deepEqual(await connected(page), [ACME, HUB, PAYROLL]);

  await disconnect(page, 'Hub').click();
  await button(page, 'Disconnect').click();
  await notice(page, 'The account is disconnected.').waitFor();
  await isSignedIn(page, ADA);
  assert.deepEqual(await connected(page), [ACME, PAYROLL]);
  await look(world, page, 'account-disconnected');
  await isNobody(other);
}

async function keepsTheLast(world, page) {
  await page.goto('/account');
  await page.getByText('You can’t disconnect it: it is your only way in.').waitFor();
  assert.equal(await disconnect(page, 'Acme').count(), 0);
  const { user } = await world.ask(
    `{ user(entityRef: "user:default/ada") { identities { nodes { id disconnect provider { slug } } } } }`,
  );
  const acme = user.identities.nodes.find(({ provider }) => provider.slug === 'acme');
  assert.equal(acme.disconnect, 'NEEDED_FOR_GLOBAL_AUTH');
  await page.goto(`/account/disconnect?identity=${acme.id}`);
  await isRefused(world, page, 'NEEDED_FOR_GLOBAL_AUTH', 409);
  await look(world, page, 'refused-last-way-in');
  await page.getByRole('link', { name: 'Your account' }).click();
  assert.deepEqual(await connected(page), [ACME, PAYROLL]);
}

async function disconnectsAnother(world, page) {
  await disconnect(page, 'Payroll').click();
  await heading(page, 'Disconnect your account at Payroll').waitFor();
  assert.equal(await page.getByText('You can no longer sign in with it.').count(), 0);
  await button(page, 'Disconnect').click();
  await notice(page, 'The account is disconnected.').waitFor();
  assert.deepEqual(await connected(page), [ACME]);
}
