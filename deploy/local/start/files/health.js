// The four services: whether they are ready, and what each tells of itself.
import { ABOUT, LANGUAGE, make, say } from "./page.js";
import { token } from "./token.js";

export function drawHealth(box) {
  for (const service of ABOUT.services) box.append(card(service));
}

function card(service) {
  const state = make("span", { class: "state", "data-health": service }, say("asking"));
  const parts = make("p", { class: "dim small" }, " ");
  const link = (path, word) => make("a", { href: `/${service}${path}`, target: "_blank", rel: "noopener" }, say(word));
  const look = async () => {
    let told = { status: "away" };
    try {
      told = await (await fetch(`/${service}/health/ready`)).json();
    } catch {
      // Nobody answers: that is what is shown.
    }
    const word = ["ready", "waiting"].includes(told.status) ? told.status : "away";
    state.textContent = say(word);
    state.className = `state ${word}`;
    parts.textContent = ["database", "broker"].filter((part) => told[part])
      .map((part) => `${say(part)}: ${say(told[part])}`).join(" · ") || told.detail || " ";
  };
  look();
  setInterval(look, 5_000);
  return make("article", { class: "card" },
    make("div", { class: "row" }, make("h3", {}, service), state),
    make("p", {}, say(service)), parts,
    make("p", { class: "links" }, make("a", { href: `#api/${service}` }, "Swagger UI"), link("/v1/openapi.json", "openapi"),
      link("/v1/asyncapi.json", "asyncapi"), link(`/problems?lang=${LANGUAGE}`, "problems"), schema(service)));
}

// What this caller may do needs the token, which a plain link would not send.
function schema(service) {
  return make("a", { href: "#", onclick: async (event) => {
    event.preventDefault();
    const answer = await fetch(`/${service}/v1/schema`, { headers: token() ? { Authorization: `Bearer ${token()}` } : {} });
    const text = JSON.stringify(await answer.json(), null, 2);
    window.open(URL.createObjectURL(new Blob([text], { type: "application/json" })), "_blank");
  } }, say("schema"));
}
