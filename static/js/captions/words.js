// The sentences of the page, in the reader's language: the template writes them, this finds them.

const written = document.querySelector("template[data-words]");

/** The sentence of that name, with `{name}` replaced by what is given. */
export function say(name, values = {}) {
  const found = written.content.querySelector(`[data-word="${name}"]`);
  const text = found ? found.textContent : name;
  return text.replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

/** The same for a count: one has a sentence of its own, `name-one` beside `name-many`. */
export function count(name, number) {
  return say(`${name}-${number === 1 ? "one" : "many"}`, { count: decimal(number, 0) });
}

/** A number as this language writes it. */
export function decimal(number, digits = 1) {
  const format = { maximumFractionDigits: digits };
  return new Intl.NumberFormat(document.documentElement.lang, format).format(number);
}

/** A moment as this language writes it, in the time that the foot of the page names, with 24 hours. */
export function moment(text) {
  const { timeZone } = written.dataset;
  const format = { dateStyle: "medium", timeStyle: "short", hourCycle: "h23", timeZone };
  return new Intl.DateTimeFormat(document.documentElement.lang, format).format(new Date(text));
}

const live = document.querySelector("[data-said]");

/** Have something read aloud once. */
export function aloud(text) {
  live.textContent = live.textContent === text ? `${text}\u00a0` : text; // the same again is news too
}
