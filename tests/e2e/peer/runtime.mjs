// What `oidc-provider` uses of Node.js 22, for a Node.js that is older: Debian's may be 18. Imported
// before it.

import * as crypto from 'node:crypto';
import { register } from 'node:module';

URL.parse ??= (url, base) => (URL.canParse(url, base) ? new URL(url, base) : null);
globalThis.crypto ??= crypto.webcrypto;
globalThis.CryptoKey ??= crypto.webcrypto.CryptoKey;

if (!crypto.hash) {
  const withHash = asUrl(`
    import { createHash } from 'node:crypto';
    export * from 'node:crypto';
    export const hash = (algorithm, data, encoding = 'hex') => createHash(algorithm).update(data).digest(encoding);
  `);
  // The module of Node.js itself takes no new exports: those who ask for it get another one.
  const resolver = asUrl(`
    export const resolve = (name, context, next) =>
      name === 'node:crypto' && context.parentURL.includes('/oidc-provider/')
        ? { url: ${JSON.stringify(withHash)}, shortCircuit: true }
        : next(name, context);
  `);
  register(resolver);
}

function asUrl(source) {
  return `data:text/javascript,${encodeURIComponent(source)}`;
}
