// GraphiQL on this server's own API: who asks, what is asked first, what is kept where.

"use strict";

(() => {
  const API = "/graphql";
  // For this tab only: it is gone when the tab is. Nothing secret goes into localStorage.
  const KEY = "lanyard:api-key";
  const CREDENTIAL = "lanyard:credential";

  // A browser may refuse to keep anything: then nothing is kept.
  function remember(storage, name, value) {
    try {
      if (value) {
        storage().setItem(name, value);
      } else {
        storage().removeItem(name);
      }
    } catch {
      // The page works without.
    }
  }

  function recall(storage, name) {
    try {
      return storage().getItem(name);
    } catch {
      return null;
    }
  }

  const tab = () => sessionStorage;
  const lasting = () => localStorage;

  const bar = document.querySelector(".bar");
  const radios = [...bar.querySelectorAll("input[name=credential]")];
  const keyLabel = bar.querySelector(".key");
  const keyInput = keyLabel.querySelector("input");
  const viewerLine = bar.querySelector(".viewer");

  // ---- Who asks.

  const usesKey = () => radios.some((radio) => radio.checked && radio.value === "key");

  // The header keeps other sites from using the person's cookie: they can't send it.
  const SESSION = { credentials: "same-origin", headers: { "X-Requested-With": "XMLHttpRequest" } };
  const NOBODY = { credentials: "omit", headers: {} };

  function credential() {
    if (!usesKey()) {
      return SESSION;
    }
    const key = keyInput.value.trim();
    return key ? { credentials: "omit", headers: { Authorization: `Bearer ${key}` } } : NOBODY;
  }

  async function ask(body, { credentials, headers }, signal) {
    const response = await fetch(API, {
      method: "POST",
      body: JSON.stringify(body),
      cache: "no-store",
      credentials,
      headers: {
        Accept: "application/graphql-response+json, application/json;q=0.9",
        "Content-Type": "application/json",
        ...headers,
      },
      redirect: "error",
      signal,
    });
    const type = response.headers.get("Content-Type") ?? "";
    if (!type.includes("json")) {
      throw new Error(`the server answered with ${response.status} and no JSON`);
    }
    return response.json();
  }

  function fetcher(parameters, options) {
    // The schema is open to everybody: it shows even where a session or a key has ended.
    const who = parameters.operationName === "IntrospectionQuery" ? NOBODY : credential();
    return ask(parameters, { ...who, headers: { ...who.headers, ...options?.headers } });
  }

  // ---- Who that is.

  const WHO = `{
    viewer {
      __typename
      ... on User { displayName entityRef }
      ... on ApiKey { name scopes }
    }
  }`;

  let asking = new AbortController();

  async function showViewer() {
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    if (usesKey() && !keyInput.value.trim()) {
      show("Paste a key; it stays in this tab.");
      return;
    }
    try {
      const answer = await ask({ query: WHO }, credential(), signal);
      if (!signal.aborted) {
        show(...describe(answer));
      }
    } catch (error) {
      if (!signal.aborted) {
        show(`Who you are can’t be found out: ${error.message}`);
      }
    }
  }

  function describe({ data, errors }) {
    if (errors?.length > 0) {
      const parts = [sentence(errors[0].message)];
      return usesKey() ? parts : [...parts, " ", signInLink()];
    }
    const viewer = data?.viewer;
    switch (viewer?.__typename) {
      case "User":
        return ["You are ", name(viewer.displayName ?? viewer.entityRef), ` · ${viewer.entityRef}`];
      case "ApiKey":
        return ["Key ", name(viewer.name), ` · ${viewer.scopes.join(", ") || "no scopes"}`];
      default:
        return ["Nobody is signed in. ", signInLink()];
    }
  }

  const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

  function name(text) {
    const element = document.createElement("bdi");
    element.textContent = text;
    return element;
  }

  function signInLink() {
    const link = document.createElement("a");
    link.href = "/sign-in?return_to=/graphiql";
    link.textContent = "Sign in";
    return link;
  }

  function show(...parts) {
    viewerLine.replaceChildren(...parts);
    viewerLine.title = viewerLine.textContent;
  }

  // ---- The bar.

  function choose() {
    keyLabel.hidden = !usesKey();
    remember(tab, CREDENTIAL, usesKey() ? "key" : "session");
    showViewer();
  }

  const chosen = recall(tab, CREDENTIAL);
  for (const radio of radios) {
    radio.checked = radio.value === (chosen ?? "session");
    radio.addEventListener("change", () => {
      choose();
      if (usesKey()) {
        keyInput.focus();
      }
    });
  }
  keyInput.value = recall(tab, KEY) ?? "";
  let typing;
  keyInput.addEventListener("input", () => {
    remember(tab, KEY, keyInput.value.trim());
    clearTimeout(typing);
    typing = setTimeout(showViewer, 300);
  });
  // A page that comes back by the back button may show who was signed in before.
  addEventListener("pageshow", (event) => event.persisted && showViewer());
  choose();

  // ---- GraphiQL.

  const ME = `# Who you are, and your accounts elsewhere.
# Run it: the button, or Ctrl and Enter.

query Me {
  viewer {
    ... on User {
      displayName
      entityRef
      identities(first: 10) {
        nodes {
          provider {
            name
          }
          externalId
          username
          email
          emailVerified
          dateAdded
        }
      }
    }
    ... on ApiKey {
      name
      scopes
    }
  }
}
`;
  const PROVIDERS = `# Where people have their accounts.
# A key needs the scope provider:read.

query Providers {
  identityProviders(first: 20) {
    nodes {
      id
      slug
      name
      type
    }
  }
}
`;

  // A query in the address fills the editor and is never run by itself: a link could be anybody's.
  // It goes where GraphiQL keeps what was typed last, so that a reload finds it there too.
  const address = new URLSearchParams(location.search);
  const given = address.get("query");
  if (given) {
    remember(lasting, "graphiql:query", given);
    remember(lasting, "graphiql:variables", address.get("variables"));
  }
  if (location.search) {
    // Else the next reload would put it in front of what was typed since.
    history.replaceState(null, "", location.pathname);
  }
  const examples = given ? undefined : [{ query: ME }, { query: PROVIDERS }];

  // GraphiQL's dialogs put up a style while they are open; the policy lets this one in.
  globalThis.__webpack_nonce__ = document.querySelector("meta[name=style-nonce]").content;

  const { createElement } = React;
  ReactDOM.createRoot(document.getElementById("graphiql")).render(
    createElement(
      GraphiQL,
      {
        fetcher,
        defaultTabs: examples,
        defaultQuery: "",
        // Headers are where people put tokens: they are never stored.
        shouldPersistHeaders: false,
        showPersistHeadersSettings: false,
      },
      createElement(GraphiQL.Logo, null, "GraphiQL"),
    ),
  );
})();
