// What all parts of the page share: the language, elements, and what the server said of itself.
import { WORDS } from "./words.js";

export const ABOUT = JSON.parse(document.body.dataset.about);
export const LANGUAGE = document.documentElement.lang.startsWith("zh") ? "zh" : "en";

export function say(word, facts = {}) {
  const text = WORDS[LANGUAGE][word] ?? word;
  return text.replace(/\{(\w+)\}/g, (_, name) => facts[name] ?? "");
}

// Make an element; strings become text, never markup.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

export function fill(element, ...children) {
  element.replaceChildren(...children.filter((child) => child !== null));
}

export const place = (id) => document.getElementById(id);

export async function json(path, headers = {}) {
  const answer = await fetch(path, { headers });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}
