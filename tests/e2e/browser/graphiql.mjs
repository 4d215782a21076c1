// GraphiQL, as a person uses it.

import assert from 'node:assert/strict';

import { until } from './steps.mjs';

// GraphiQL's own editors know what is in them; on the screen a long text shows in part only.
const EDITORS = {
  query: '.graphiql-query-editor .CodeMirror',
  // The headers' editor is there too, hidden.
  variables: '[aria-label=Variables] .graphiql-editor:first-child .CodeMirror',
  result: '.result-window .CodeMirror',
};

export async function open(page) {
  await page.goto('/graphiql');
  await isReady(page);
}

export async function isReady(page) {
  await page.getByRole('button', { name: 'Execute query' }).waitFor();
  // The schema is there: the explorer of the documentation can be filled.
  await until('GraphiQL has its editors', async () => (await page.locator(EDITORS.result).count()) === 1);
}

export async function text(page, editor) {
  return page.locator(EDITORS[editor]).evaluate((element) => element.CodeMirror.getValue());
}

// In the place of what is there. GraphiQL takes notice a moment later, and asks for the operation by
// its name until then.
export async function write(page, editor, content) {
  if (editor === 'variables') await page.getByRole('button', { name: 'Variables', exact: true }).click();
  await page.locator(EDITORS[editor]).click();
  await page.keyboard.press('Control+A');
  await page.keyboard.insertText(content);
  assert.equal(await text(page, editor), content);
  await until('GraphiQL has stored what was typed', async () => {
    const stored = await page.evaluate(() => localStorage.getItem('graphiql:tabState'));
    const { tabs, activeTabIndex } = JSON.parse(stored ?? '{"tabs":[]}');
    return tabs[activeTabIndex]?.[editor] === content;
  });
}

// What the query that is in the editor is answered with, as the page shows it.
export async function run(page) {
  const asked = (await text(page, 'query')).trim();
  const answering = page.waitForResponse(async (response) => {
    const request = response.request();
    return request.method() === 'POST' && request.postDataJSON().query.trim() === asked;
  });
  await page.getByRole('button', { name: 'Execute query' }).click();
  const answer = await (await answering).json();
  await until('the answer is shown', async () => {
    const shown = await text(page, 'result');
    return shown && JSON.stringify(JSON.parse(shown)) === JSON.stringify(answer);
  });
  assert.equal(answer.errors, undefined, JSON.stringify(answer.errors));
  return answer.data;
}

// Who asks, as the bar above GraphiQL says it.
export async function isAsking(page, who) {
  await page.getByRole('status').filter({ hasText: who }).waitFor();
}
