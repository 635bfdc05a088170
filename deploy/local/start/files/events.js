// The AsyncAPI documents, simply: what each service tells and hears, its fields and an example.
import { ABOUT, fill, json, make, say } from "./page.js";

export async function drawEvents(section) {
  fill(section, make("p", { class: "lead" }, say("eventsLead")));
  for (const service of ABOUT.services) {
    const box = make("div", { class: "service", "data-events": service });
    section.append(box);
    const document = await json(`/${service}/v1/asyncapi.json`);
    const operations = Object.values(document.operations);
    fill(box, make("h2", {}, service), ...operations.map((one) => message(document, one)),
      operations.some((one) => one.action === "send") ? null : make("p", { class: "dim" }, say("nothing")));
  }
}

const found = (document, reference) =>
  reference.slice(2).split("/").reduce((at, step) => at[step.replaceAll("~1", "/")], document);

function message(document, operation) {
  const channel = found(document, operation.channel.$ref);
  const told = found(document, channel.messages.event.$ref);
  const word = operation.action === "send" ? "sends" : "receives";
  const schema = found(document, told.payload.$ref);
  return make("details", { class: "event" },
    make("summary", {}, make("span", { class: `action ${word}` }, say(word)), make("code", {}, told.name),
      make("span", { class: "dim" }, told.summary)),
    make("p", { class: "pre" }, ...marked(told.description)),
    make("dl", {}, make("dt", {}, say("subject")), make("dd", {}, make("code", {}, channel.address)),
      make("dt", {}, say("permission")), make("dd", {}, make("code", {}, told["x-permission"]))),
    fields(document, schema),
    make("h4", {}, say("example")), make("pre", {}, JSON.stringify(told.examples[0].payload, null, 2)),
    make("details", {}, make("summary", {}, say("envelope")), fields(document, found(document, told.headers.$ref))));
}

// What stands between back quotes is code; nothing else is marked in our texts.
function marked(text) {
  return text.split("`").map((part, number) => (number % 2 ? make("code", {}, part) : part));
}

function fields(document, schema) {
  const head = make("tr", {}, ...["field", "type", "meaning"].map((word) => make("th", {}, say(word))));
  return make("table", {}, head, ...Object.entries(schema.properties ?? {}).map(([name, field]) =>
    make("tr", {}, make("td", {}, make("code", {}, name)), make("td", {}, type(document, field)), make("td", { class: "dim" }, field.description ?? ""))));
}

function type(document, field) {
  if (field.$ref) {
    const inner = found(document, field.$ref);
    return inner.enum ? inner.enum.join(" | ") : field.$ref.split("/").pop();
  }
  if (field.anyOf) return field.anyOf.map((one) => type(document, one)).join(" | ");
  if (field.items) return `${type(document, field.items)}[]`;
  return field.const ?? field.enum?.join(" | ") ?? field.format ?? field.type ?? "";
}
