// A certified OpenID provider for the tests of bot/idp: `oidc-provider`, in memory, on a free port of loopback.
// Prints its address as one line of JSON when it listens. Settings: one JSON object as the only argument,
// { redirect_uri, client_secret }. Each client signs its ID tokens in its own way and is named after it.
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import Provider from "oidc-provider";

const { redirect_uri, client_secret } = JSON.parse(process.argv[2]);
const ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA", "HS256"];

function key(type, options, kid, alg) {
  return { ...generateKeyPairSync(type, options).privateKey.export({ format: "jwk" }), kid, alg, use: "sig" };
}

function client(id, more) {
  return {
    client_id: id,
    client_secret,
    redirect_uris: [redirect_uri],
    response_types: ["code"],
    grant_types: ["authorization_code", "refresh_token"],
    ...more,
  };
}

const configuration = {
  clients: [
    ...ALGORITHMS.map((alg) => client(alg, { id_token_signed_response_alg: alg })),
    client("post", { token_endpoint_auth_method: "client_secret_post" }),
    client("public", { token_endpoint_auth_method: "none", client_secret: undefined }),
  ],
  jwks: {
    keys: [
      key("rsa", { modulusLength: 2048 }, "rsa", "RS256"),
      key("rsa", { modulusLength: 2048 }, "rsa-pss", "PS256"),
      key("ec", { namedCurve: "P-256" }, "ec", "ES256"),
      key("ed25519", {}, "ed", "EdDSA"),
    ],
  },
  enabledJWA: { idTokenSigningAlgValues: ALGORITHMS },
  cookies: { keys: ["of the tests alone"] },
  scopes: ["openid", "email", "offline_access"],
  claims: { openid: ["sub"], email: ["email", "email_verified"] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@nordlicht.example`, email_verified: true }),
  }),
  features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 3600, IdToken: 600, Interaction: 600, RefreshToken: 3600, Session: 600 },
};

// The page of a person who needs no words: `?account=alice` signs in and agrees to everything, none of it cancels.
async function interact(provider, request, response) {
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  const accountId = new URL(request.url, provider.issuer).searchParams.get("account");
  let result = { error: "access_denied", error_description: "the person cancelled" };
  if (accountId && prompt.name === "login") {
    result = { login: { accountId } };
  } else if (accountId) {
    const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope(params.scope);
    result = { consent: { grantId: await grant.save() } };
  }
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
}

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, configuration);
  const answer = provider.callback();
  provider.on("server_error", (_, error) => console.error(error));
  server.on("request", (request, response) => {
    if (!request.url.startsWith("/interaction/")) return answer(request, response);
    return interact(provider, request, response).catch((error) => {
      console.error(error);
      response.writeHead(500).end();
    });
  });
  console.log(JSON.stringify({ issuer }));
});
