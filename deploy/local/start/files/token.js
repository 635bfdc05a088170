// Tokens of the built-in issuer: for any role, also in the name of a member.
import { ABOUT, fill, json, make, place, say } from "./page.js";

const KEPT = "pharos-key";
const listeners = new Set();
let present = null; // { token, expires, who }

export const token = () => (present && present.expires > Date.now() ? present.token : null);
export const onToken = (heard) => listeners.add(heard);

function set(next) {
  present = next;
  for (const heard of listeners) heard();
  show();
}

// The secret comes behind the # of the address, which no server sees, and stays in this tab.
function key() {
  const found = /(?:^#|&)key=([^&]+)/.exec(location.hash);
  if (found) {
    sessionStorage.setItem(KEPT, decodeURIComponent(found[1]));
    history.replaceState(null, "", location.pathname + location.search);
  }
  return sessionStorage.getItem(KEPT);
}

async function issue(role, member) {
  const form = new URLSearchParams({ grant_type: "client_credentials" });
  if (role) form.set("scope", role);
  if (member) form.set("subject", member);
  const answer = await fetch("/issuer/token", {
    method: "POST",
    headers: { Authorization: `Basic ${btoa(`${ABOUT.client}:${key()}`)}` },
    body: form,
  });
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error_description ?? told.error);
  return { token: told.access_token, expires: Date.now() + told.expires_in * 1000 };
}

async function members() {
  try {
    const { token: admin } = await issue("admin", null);
    const page = await json("/targets/v1/members?limit=200", { Authorization: `Bearer ${admin}` });
    return page.items;
  } catch {
    return [];
  }
}

function show() {
  const who = place("who");
  const left = token();
  const time = present && new Date(present.expires).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  fill(
    who,
    make("a", { href: "#overview", class: left ? "token has" : "token" },
      left ? `${say("tokenOf")} ${present.who} · ${say("until", { time })}` : say(present ? "expired" : "noToken")),
  );
}

export async function drawToken(box) {
  if (!key()) return drawKey(box);
  const role = make("select", { id: "role" }, make("option", { value: "" }, say("allRoles")),
    ...ABOUT.roles.map((name) => make("option", { value: name }, name)));
  const member = make("select", { id: "member" }, make("option", { value: "" }, say("nobody")));
  const told = make("p", { class: "told", role: "status" });
  const shown = make("div", {});
  async function get() {
    const name = member.value && member.selectedOptions[0].textContent;
    try {
      const next = await issue(role.value, member.value);
      set({ ...next, who: [role.value || say("allRoles"), name].filter(Boolean).join(", ") });
      fill(told);
      fill(shown, sample(next.token));
    } catch (error) {
      fill(told, say("refused", { reason: error.message }));
    }
  }
  fill(
    box,
    make("h2", {}, say("signin")),
    make("p", { class: "dim" }, say("signinLead")),
    make("div", { class: "row" },
      make("label", {}, say("role"), role), make("label", {}, say("member"), member),
      make("button", { class: "main", id: "get-token", onclick: get }, say("get")),
      make("button", { onclick: () => { set(null); fill(shown); } }, say("forget"))),
    make("div", { class: "chips" },
      ...ABOUT.roles.map((name) => make("button", { class: "chip", "data-role": name, onclick: () => { role.value = name; get(); } }, name))),
    told, shown,
  );
  for (const one of await members()) member.append(make("option", { value: one.id }, one.name));
}

function drawKey(box) {
  const input = make("input", { type: "password", id: "key", autocomplete: "off", "aria-label": say("key") });
  const use = () => { sessionStorage.setItem(KEPT, input.value.trim()); drawToken(box); };
  fill(
    box,
    make("h2", {}, say("signin")),
    make("p", { class: "dim" }, say("noKey")),
    make("div", { class: "row" }, make("label", {}, say("key"), input), make("button", { class: "main", onclick: use }, say("use"))),
  );
}

function sample(value) {
  const line = `curl -H "Authorization: Bearer ${value}" \\\n  ${location.origin}/pipeline/v1/deals`;
  const copy = make("button", { class: "small" }, say("copy"));
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(line);
    copy.textContent = say("copied");
  });
  return make("div", { class: "sample" }, make("div", { class: "row" }, make("strong", {}, say("onLine")), copy), make("pre", {}, line));
}

key();
show();
setInterval(show, 15_000);
