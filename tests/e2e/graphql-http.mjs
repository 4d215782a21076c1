// Runs the server audits of the npm package graphql-http (GraphQL over HTTP) against a running Lanyard.
//
//   LANYARD_TEST_API_KEY=lyd_… node tests/e2e/graphql-http.mjs http://127.0.0.1:8080/graphql
//
// Every MUST and every SHOULD has to be ok. A MAY is a choice that the specification leaves open: its
// result is shown and counts for nothing, except for those in REQUIRED.
// Ends with 0 where all of that holds, 1 where it doesn't, 2 where it was called wrongly.

import { serverAudits } from 'graphql-http';

// "MAY NOT allow executing mutations on GET requests": a MUST for a server that answers GET at all.
const REQUIRED = new Set(['9C48']);
const LEVELS = ['MUST', 'SHOULD', 'MAY'];
const TIMEOUT_MS = 15_000;
const BODY_SHOWN = 2_000;

const [url, ...rest] = process.argv.slice(2);
if (!URL.canParse(url ?? '') || rest.length > 0) {
  console.error('usage: [LANYARD_TEST_API_KEY=lyd_…] node graphql-http.mjs <URL of /graphql>');
  process.exit(2);
}

// An audit may have read the body by the time it fails, so a copy of the last one is kept.
let lastBody;

async function fetchFn(input, init = {}) {
  const headers = new Headers(init.headers);
  const apiKey = process.env.LANYARD_TEST_API_KEY;
  if (apiKey) headers.set('authorization', `Bearer ${apiKey}`);
  lastBody = undefined;
  const response = await fetch(input, {
    ...init,
    headers,
    redirect: 'manual',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  lastBody = await response.clone().text();
  return response;
}

async function run(audit) {
  try {
    return await audit.fn();
  } catch (error) {
    const cause = error.cause ? ` (${error.cause.code ?? error.cause.message})` : '';
    return { status: 'error', reason: `${error.message}${cause}` };
  }
}

function indent(text) {
  return text.replace(/^/gm, '         ');
}

function show({ id, name }, { status, reason, response }) {
  console.log(`${status.padEnd(6)} ${id} ${name}`);
  if (status === 'ok') return;
  console.log(indent(reason));
  if (!response) return;
  console.log(indent(`HTTP ${response.status}, content-type ${response.headers.get('content-type')}`));
  if (lastBody) console.log(indent(lastBody.slice(0, BODY_SHOWN)));
}

const counts = {};
const failures = [];

// One after the other, so that lastBody is the audit's own.
for (const audit of serverAudits({ url, fetchFn })) {
  const result = await run(audit);
  show(audit, result);

  const level = audit.name.split(' ', 1)[0];
  counts[level] ??= { ok: 0, notice: 0, warn: 0, error: 0 };
  counts[level][result.status] += 1;
  if (!LEVELS.includes(level)) failures.push(`${audit.id} is neither a MUST nor a SHOULD nor a MAY`);
  const required = level !== 'MAY' || REQUIRED.delete(audit.id);
  if (required && result.status !== 'ok') failures.push(`${audit.id} ${audit.name}`);
}

for (const level of ['MUST', 'SHOULD']) {
  if (!counts[level]) failures.push(`no ${level} audit ran`);
}
for (const id of REQUIRED) failures.push(`audit ${id} did not run`);

console.log();
for (const [level, count] of Object.entries(counts)) {
  const numbers = Object.entries(count).map(([status, number]) => `${number} ${status}`);
  console.log(`${level}: ${numbers.join(', ')}`);
}
if (failures.length > 0) {
  console.log(`graphql-http: failed\n${indent(failures.join('\n'))}`);
  process.exitCode = 1;
} else {
  console.log('graphql-http: every MUST and SHOULD is ok');
}
