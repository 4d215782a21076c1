// The server: each issuer lives below a path of its own.

import { createServer } from 'node:http';
import { once } from 'node:events';

// Of `oidc-provider`'s answers too: a browser is to run and load nothing here.
const HEADERS = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

export async function listen() {
  let issuers = [];
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    const refuse = (status, why) => {
      response.statusCode = status;
      response.end(`${why}\n`);
    };
    // Addresses of Lanyard's pages are none of a provider's business.
    if (request.headers.referer) return refuse(400, 'this tells where the browser was');
    const found = issuers.find(({ prefix }) => request.url.startsWith(`${prefix}/`));
    if (!found) return refuse(404, 'there is no such issuer');
    // As express and connect do it; `oidc-provider` finds out from these two where it lives.
    request.originalUrl = request.url;
    request.url = request.url.slice(found.prefix.length);
    found.answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://localhost:${server.address().port}`,
    serve(all) {
      issuers = all;
    },
  };
}
