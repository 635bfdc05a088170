// The start page: four places, chosen behind the # of the address.
import { drawApi, showApi } from "./api.js";
import { drawEvents } from "./events.js";
import { drawHealth } from "./health.js";
import { drawLive, showLive } from "./live.js";
import { ABOUT, LANGUAGE, fill, make, place, say } from "./page.js";
import { drawToken } from "./token.js";

const PLACES = ["overview", "api", "events", "live"];
let eventsDrawn = false;

function drawOverview(section) {
  const services = make("div", { class: "cards" });
  const token = make("div", { class: "card wide" });
  fill(section, make("p", { class: "lead" }, say("lead")), make("h2", {}, say("services")), services, token);
  drawHealth(services);
  drawToken(token);
}

function go() {
  const [asked, service] = location.hash.slice(1).split("/");
  const where = PLACES.includes(asked) ? asked : "overview";
  for (const name of PLACES) {
    place(name).hidden = name !== where;
    document.querySelector(`[data-place=${name}]`).setAttribute("aria-current", String(name === where));
  }
  if (where === "api") showApi(ABOUT.services.includes(service) ? service : ABOUT.services[0]);
  showLive(where === "live");
  if (where === "events" && !eventsDrawn) {
    eventsDrawn = true;
    drawEvents(place("events"));
  }
}

const other = LANGUAGE === "zh" ? "en" : "zh";
place("switch").textContent = say("other");
place("switch").addEventListener("click", () => { location.href = `/?lang=${other}${location.hash}`; });
place("switch").setAttribute("lang", other);
place("switch").setAttribute("role", "button");
place("switch").tabIndex = 0;
fill(place("places"), ...PLACES.map((name) => make("a", { href: `#${name}`, "data-place": name }, say(name))));
drawOverview(place("overview"));
drawApi(place("api"));
drawLive(place("live"));
addEventListener("hashchange", go);
go();
