// The pages of an issuer: who are you, and may this client see it.

import { subjectOf } from './people.mjs';

// `/interaction/UID`, and what its forms are sent to.
const PATH = /^\/interaction\/[\w-]+(?:\/(login|consent|deny))?$/;

export const interactionUrl = (prefix) => (context, { uid }) => `${prefix}/interaction/${uid}`;

// Whether the request was for one of the pages.
export async function interaction(provider, title, request, response) {
  const [matches, step] = PATH.exec(request.url) ?? [];
  if (!matches) return false;
  try {
    const details = await provider.interactionDetails(request, response);
    if (request.method === 'GET' && !step) {
      show(response, details.prompt.name === 'login' ? login(title, request) : consent(request, details));
    } else if (request.method === 'POST' && step) {
      const result = await STEPS[step](provider, details, await form(request));
      await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
    } else {
      response.statusCode = 405;
      response.end();
    }
  } catch (error) {
    response.statusCode = 400;
    response.end(`${error.message}\n`);
  }
  return true;
}

const STEPS = {
  login: (provider, details, fields) => ({ login: { accountId: subjectOf(fields.get('username')) } }),
  consent: async (provider, { prompt, grantId, session, params }) => {
    const grant = grantId
      ? await provider.Grant.find(grantId)
      : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope((prompt.details.missingOIDCScope ?? []).join(' '));
    grant.addOIDCClaims(prompt.details.missingOIDCClaims ?? []);
    return { consent: { grantId: await grant.save() } };
  },
  deny: () => ({ error: 'access_denied', error_description: 'the person said no' }),
};

async function form(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return new URLSearchParams(Buffer.concat(chunks).toString());
}

const login = (title, request) => `<h1>Sign in at ${title}</h1>
<form method="post" action="${request.originalUrl}/login">
  <label>Username <input name="username" required></label>
  <button>Sign in</button>
</form>`;

const consent = (request, { params }) => `<h1>Let ${escaped(params.client_id)} in?</h1>
<p>${escaped(params.scope)}</p>
<form method="post" action="${request.originalUrl}/consent"><button>Allow</button></form>
<form method="post" action="${request.originalUrl}/deny"><button>Deny</button></form>`;

function show(response, body) {
  response.setHeader('content-type', 'text/html; charset=utf-8');
  response.end(`<!DOCTYPE html><html lang="en"><title>The peer</title><meta name="viewport" content="width=device-width">${body}</html>\n`);
}

const escaped = (text) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
