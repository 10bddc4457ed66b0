/** How each person gets into Vault: the way their company chose, what is open, and the demo's secrets to copy. */

import { busyWhile, copy, perform, performing } from "./actions.js";
import { el } from "./dom.js";
import { counted } from "./format.js";
import { toast } from "./toast.js";

const WAYS = { password: "Password", saml: "SAML", oidc: "OIDC" };

/** The part with everybody's ways in. */
export function signIns({ credentials, people }) {
  const nameOf = (key) => people.find((one) => one.key === key)?.name ?? key;
  return [
    el("p.quiet.small", {}, "Made up for this demo. The bot's link page asks for them; Slack never does."),
    el(
      "ul.sign-ins",
      {},
      credentials.map((one) => signIn(one, nameOf(one.person))),
    ),
  ];
}

function signIn(one, name) {
  const secrets = [
    ["user name", one.user_name],
    ["password", one.password],
    ...Object.entries(one.tokens).map(([vault, token]) => [`token for ${vault}`, token]),
  ];
  return el(
    "li",
    { key: one.person, test: `credentials-${one.person}` },
    el("h4", {}, name),
    secrets.map(([what, value]) =>
      el("div", {}, el("span.quiet.small", {}, `${what} `), copyable(value, `${name}'s ${what}`)),
    ),
    el("div.sign-in-ways", {}, el("span.quiet.small", {}, "signs in by"), ways(one, name), signOut(one, name)),
  );
}

function copyable(text, what) {
  return el(
    "button.copyable",
    {
      type: "button",
      title: `Copy ${what}`,
      "aria-label": `Copy ${what}: ${text}`,
      on: { click: () => copy(text, what) },
    },
    text,
  );
}

function ways({ person, way }, name) {
  return el(
    "span.button-row",
    { role: "group", "aria-label": `How ${name} signs in to Vault` },
    Object.entries(WAYS).map(([value, label]) =>
      el(
        "button.button.small",
        {
          type: "button",
          test: `way-${person}-${value}`,
          "aria-pressed": String(way === value),
          on: { click: performing("sign_in_way", { person, way: value }) },
        },
        label,
      ),
    ),
  );
}

function signOut({ person, sign_ins: open }, name) {
  const click = async ({ currentTarget }) => {
    if (await busyWhile(currentTarget, perform("sign_out", { person }))) toast(`${name} is signed out everywhere.`);
  };
  return el(
    "button.button.small",
    {
      type: "button",
      test: `act-sign-out-${person}`,
      title: `Ends ${counted(open, "company sign-in")} and every Vault session; API access tokens stay`,
      "aria-label": `Sign ${name} out everywhere`,
      on: { click },
    },
    "Sign out everywhere",
  );
}
