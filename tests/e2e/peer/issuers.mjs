// The issuers of the peer: each has one client, and a way of its own to do things.

import './runtime.mjs';
import { generateKeyPairSync } from 'node:crypto';

import { interaction, interactionUrl } from './interaction.mjs';
import { CLAIMS, findAccount } from './people.mjs';

const { Provider } = await import('oidc-provider');

// By the paths that they live at. What is left out is as the standards have it.
const WAYS = {
  // Id and secret have characters that must be encoded on their way: RFC 6749 §2.3.1.
  basic: {
    title: 'Basic',
    client_id: 'lanyard at basic: 100%',
    client_secret: 'a secret + "more" of it: 100% & ~',
    token_endpoint_auth_method: 'client_secret_basic',
    id_token_signed_response_alg: 'RS256',
  },
  post: {
    title: 'Post',
    client_secret: 'a secret + "more" of it: 100% & ~',
    token_endpoint_auth_method: 'client_secret_post',
    id_token_signed_response_alg: 'ES256',
  },
  key: {
    title: 'Key',
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    id_token_signed_response_alg: 'ES256',
  },
  'signed-rs256': {
    title: 'Signed by RSA',
    client_secret: 'a secret',
    token_endpoint_auth_method: 'client_secret_basic',
    userinfo_signed_response_alg: 'RS256',
  },
  'signed-es256': {
    title: 'Signed by ECDSA',
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    id_token_signed_response_alg: 'PS256',
    userinfo_signed_response_alg: 'ES256',
  },
};

// For a Lanyard at this address.
export function issuersFor(origin, lanyard) {
  return Object.entries(WAYS).map(([name, { title, ...way }]) => {
    const client = {
      client_id: `lanyard-${name}`,
      redirect_uris: [`${lanyard}/auth/${name}/callback`],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      ...way,
    };
    if (way.token_endpoint_auth_method === 'private_key_jwt') {
      client.jwks_uri = `${lanyard}/auth/${name}/jwks.json`;
    }
    const prefix = `/${name}`;
    const issuer = `${origin}${prefix}`;
    // Made when it is needed: keys take a while.
    let provider;
    return {
      name,
      title,
      prefix,
      issuer,
      client,
      answer: async (request, response) => {
        provider ??= marked(new Provider(issuer, configuration(name, prefix, client)));
        if (!(await interaction(provider, title, request, response))) provider.callback()(request, response);
      },
    };
  });
}

const configuration = (name, prefix, client) => ({
  clients: [client],
  claims: CLAIMS,
  findAccount,
  jwks: { keys: [key('rsa', { modulusLength: 2048 }), key('ec', { namedCurve: 'P-256' })] },
  // All issuers are of one host: who is signed in at one is a stranger at the others.
  cookies: {
    keys: ['a key that signs cookies'],
    names: { session: `${name}-session`, interaction: `${name}-interaction`, resume: `${name}-resume` },
  },
  interactions: { url: interactionUrl(prefix) },
  features: {
    devInteractions: { enabled: false },
    jwtUserinfo: { enabled: true },
    revocation: { enabled: true },
  },
  pkce: { required: () => true },
  // Every refresh token is good for once.
  rotateRefreshToken: true,
  // Lanyard is on this machine, which `oidc-provider` would ask nothing of.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  renderError: (context, out) => {
    context.type = 'text/plain';
    context.body = `${out.error}: ${out.error_description}\n`;
  },
});

// What the tests look for wherever no token may be, see tests/it/support/marks.
const MARKS = { AuthorizationCode: 'mbc_makebelieve_', AccessToken: 'mba_makebelieve_', RefreshToken: 'mbr_makebelieve_' };

function marked(provider) {
  for (const [kind, mark] of Object.entries(MARKS)) {
    const { prototype } = provider[kind];
    const { generateTokenId } = prototype;
    prototype.generateTokenId = function generateMarkedTokenId() {
      return mark + generateTokenId.call(this);
    };
  }
  return provider;
}

// A key that signs. Its id says what it is for.
function key(type, options) {
  const { privateKey } = generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: 'jwk' }), kid: type, use: 'sig' };
}
