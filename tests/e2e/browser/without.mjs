// Without scripts, and without a mouse.

import assert from 'node:assert/strict';

import { look } from './look.mjs';
import {
  agreeTo,
  atProvider,
  confirmConnecting,
  connected,
  heading,
  isFound,
  isNobody,
  isRefused,
  isSignedIn,
  notice,
  signIn,
  someone,
} from './steps.mjs';

const NOOR = 'Noor Haddad';

export async function without(world) {
  await world.scene('without scripts: signs in and connects', (context) => noScripts(world, context), {
    javaScriptEnabled: false,
  });
  await world.scene('by the keyboard alone', (context) => byKeyboard(world, context));
}

// Noor has an account at Hub that signs in, so by Acme's word alone nobody becomes Noor.
async function noScripts(world, context) {
  const page = await context.newPage();
  await signIn(page, 'acme', 'noor');
  await isRefused(world, page, 'SIGN_IN_FIRST', 403);
  await look(world, page, 'refused-sign-in-first');
  await page.getByRole('link', { name: 'Continue with Hub' }).click();
  await atProvider(page, 'hub');
  await someone(page, 'noor-h').click();

  await confirmConnecting(page, 'acme');
  await someone(page, 'noor').click();
  await agreeTo(page, 'noor');
  await isSignedIn(page, NOOR);
  await notice(page, 'Acme is connected.').waitFor();
  assert.deepEqual(await connected(page), ['Acme: noor', 'Hub: noor-h', `Payroll: ${NOOR}`]);

  await page.getByRole('link', { name: 'GraphiQL' }).click();
  // It stands in a <noscript>, where locators of texts don't look.
  await page.locator('noscript').waitFor();
  assert.match(await page.locator('noscript').innerText(), /^GraphiQL needs JavaScript\./);
  assert.equal(await page.getByText('Loading').isVisible(), false);
  assert.equal(await page.getByRole('radio').count(), 0);
  await look(world, page, 'graphiql-without-scripts');
  await page.goBack();
  await page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await notice(page, 'You are signed out.').waitFor();
  await isNobody(page);
}

async function byKeyboard(world, context) {
  const page = await context.newPage();
  await page.goto('/');
  // The first stop leads past the navigation.
  await page.keyboard.press('Tab');
  assert.equal((await focused(page)).name, 'Skip to the content');
  await look(world, page, 'skip-link');
  await page.keyboard.press('Enter');
  await press(page, 'Sign in');
  await heading(page, 'Sign in').waitFor();
  await press(page, 'Continue with Acme');
  await atProvider(page, 'acme');
  await press(page, 'Bo Lindqvist');
  await isSignedIn(page, 'Bo Lindqvist');
  await press(page, 'Connect Hub');
  await heading(page, 'Connect your account at Hub').waitFor();
  await look(world, page, 'link-confirm-bo');
  await press(page, 'Continue to Hub');
  await atProvider(page, 'hub');
  await press(page, 'bosse');
  await isFound(page, 'bosse');
  await press(page, 'Connect');
  await notice(page, 'Hub is connected.').waitFor();
  assert.deepEqual(await connected(page), ['Acme: bo', 'Hub: bosse', 'Payroll: Bo Lindqvist']);
  await press(page, 'Sign out');
  await notice(page, 'You are signed out.').waitFor();
}

// Goes on by Tab until that is in focus, and presses it.
async function press(page, name) {
  const passed = [];
  for (let stops = 0; stops < 40; stops += 1) {
    await page.keyboard.press('Tab');
    const here = await focused(page);
    assert.ok(here.isMarked, `${here.name || here.tag} shows that it has the focus`);
    if (here.name.includes(name)) {
      await page.keyboard.press('Enter');
      return;
    }
    passed.push(here.name || here.tag);
  }
  assert.fail(`Tab does not lead to ${name}; it led to ${passed.join(', ')}`);
}

function focused(page) {
  return page.evaluate(() => {
    const { activeElement: element } = document;
    const style = getComputedStyle(element);
    return {
      tag: element.tagName,
      name: element === document.body ? '' : element.innerText.trim(),
      isMarked:
        element === document.body || (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2),
    };
  });
}
