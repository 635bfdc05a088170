// Events as they happen, of all services: one stream each, which resumes where it broke.
import { ABOUT, fill, make, say } from "./page.js";
import { onToken, token } from "./token.js";

const SHOWN_MAX = 200;
const AGAIN_MILLISECONDS = 2_000;
const streams = new Map(); // service → { last, abort }
let rows, empty, filter, paused = false, started = false;

export function drawLive(section) {
  filter = make("input", { type: "search", placeholder: say("filter"), "aria-label": say("filter"), oninput: sift });
  const hold = make("button", { id: "pause", onclick: () => { paused = !paused; hold.textContent = say(paused ? "resume" : "pause"); } }, say("pause"));
  rows = make("tbody", { id: "rows" });
  empty = make("p", { class: "dim" }, say("none"));
  fill(section, make("p", { class: "lead" }, say("liveLead")),
    make("div", { class: "row" }, ...ABOUT.services.map((service) =>
      make("span", { class: "lamp", "data-lamp": service }, make("b", {}, service), make("span", {}, say("closed"))))),
    make("div", { class: "row" }, filter, hold, make("button", { onclick: () => fill(rows) }, say("clear")),
      make("button", { id: "from-start", onclick: () => { fill(rows); restart("0:0"); } }, say("fromStart"))),
    make("table", { class: "log" }, make("thead", {}, make("tr", {}, ...["time", "event", "about", "content"].map((word) => make("th", { class: word }, say(word))))), rows),
    empty);
  onToken(() => { if (started) restart(null); });
  document.addEventListener("visibilitychange", () => { if (started) document.hidden ? stop() : restart(); });
}

// A browser has six connections to a host: whoever does not look takes none, and resumes later.
export function showLive(isShown) {
  if (isShown === started) return;
  started = isShown;
  isShown ? restart() : stop();
}

function stop() {
  for (const [service, { abort }] of streams) {
    abort.abort();
    lamp(service, "closed");
  }
}

// Begin anew at a place of the log (null: now), or go on where each stream was.
function restart(from) {
  stop();
  for (const service of ABOUT.services) {
    const last = from === undefined ? streams.get(service)?.last ?? null : from;
    const stream = { last, abort: new AbortController() };
    streams.set(service, stream);
    follow(service, stream);
  }
}

async function follow(service, stream) {
  while (!stream.abort.signal.aborted) {
    if (!token()) return lamp(service, "closed", say("liveToken"));
    try {
      const headers = { Authorization: `Bearer ${token()}`, ...(stream.last && { "Last-Event-ID": stream.last }) };
      const answer = await fetch(`/${service}/v1/events/stream`, { headers, signal: stream.abort.signal });
      if (answer.status === 403) return lamp(service, "denied");
      if (answer.status === 410 || answer.status === 409) stream.last = null;
      if (answer.ok) await read(service, stream, answer);
    } catch {
      // The line broke, or nobody looks any more.
    }
    if (stream.abort.signal.aborted) return;
    lamp(service, "again");
    await new Promise((go) => setTimeout(go, AGAIN_MILLISECONDS));
  }
}

async function read(service, stream, answer) {
  lamp(service, "listening");
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) take(stream, block);
  }
}

function take(stream, block) {
  const data = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("id: ")) stream.last = line.slice(4);
    if (line.startsWith("data: ")) data.push(line.slice(6));
  }
  if (data.length && !paused) add(JSON.parse(data.join("\n")));
}

function add(event) {
  empty.hidden = true;
  const time = new Date(event.time).toLocaleTimeString();
  const row = make("tr", { class: `from-${event.source} fresh` },
    make("td", { title: event.time }, time),
    make("td", {}, make("code", {}, event.type.replace(/^pharos\./, "").replace(/\.v\d+$/, ""))),
    make("td", {}, make("code", { title: event.subject }, `…${event.subject.slice(-6)}`), ` v${event.aggregateversion}`),
    make("td", {}, make("details", {}, make("summary", {}, brief(event.data)), make("pre", {}, JSON.stringify(event, null, 2)))));
  rows.prepend(row);
  while (rows.children.length > SHOWN_MAX) rows.lastChild.remove();
  sift();
}

// What a person looks for first: a name, a stage, an amount.
function brief(data) {
  const money = (value) => (value?.amount ? `${value.amount} ${value.currency}` : null);
  const parts = [data.name, data.stage, data.component, data.metric, data.period, money(data.amount), data.actual, money(data.difference)];
  return parts.filter(Boolean).join(" · ") || "{…}";
}

function sift() {
  const wanted = filter.value.toLowerCase();
  for (const row of rows.children) row.hidden = !row.textContent.toLowerCase().includes(wanted);
}

function lamp(service, word, title = "") {
  const shown = document.querySelector(`[data-lamp=${service}]`);
  shown.className = `lamp ${word}`;
  shown.title = title;
  shown.lastChild.textContent = say(word);
}
