// An OpenID provider that nobody here wrote: the certified `oidc-provider`, for the tests to sign in at.
//
//   node tests/e2e/peer.mjs
//
// It takes a free port, and prints `{"origin": "http://localhost:PORT"}`. Then it reads one line,
// `{"lanyard": "http://127.0.0.1:PORT"}`, and prints the issuers that Lanyard can be configured with
// (see peer/issuers.mjs), each with its one client. It ends when its standard input does.

import { createInterface } from 'node:readline';

import { issuersFor } from './peer/issuers.mjs';
import { listen } from './peer/listen.mjs';

const say = (message) => console.log(JSON.stringify(message));

const peer = await listen();
say({ origin: peer.origin });

const lines = createInterface({ input: process.stdin });
lines.once('line', (line) => {
  const issuers = issuersFor(peer.origin, JSON.parse(line).lanyard);
  peer.serve(issuers);
  say(issuers.map(({ name, title, issuer, client }) => ({ name, title, issuer, client })));
});
lines.once('close', () => process.exit(0));
