// The search panel: the next place, the one before, replacing one or all of them.

import { found } from "./operations.js";
import { count, say } from "./words.js";

export class Search {
  #at = null; // {id, at} of the place shown last

  /** `show(match)` brings a place to the eye; `locked()` tells whether nothing may change. */
  constructor({ panel, model, show, locked }) {
    this.panel = panel;
    this.form = panel.querySelector("form");
    this.said = panel.querySelector("[data-search-said]");
    this.model = model;
    this.show = show;
    const button = (name, act) => panel.querySelector(name).addEventListener("click", act);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.next(1);
    });
    this.form.addEventListener("input", (event) => {
      if (event.target.name !== "by") this.#start();
    });
    button("[data-search-former]", () => this.next(-1));
    button("[data-replace-one]", () => locked() || this.replace());
    button("[data-replace-all]", () => locked() || this.replaceAll());
  }

  open() {
    this.panel.open = true;
    this.form.elements.needle.select();
    this.form.elements.needle.focus();
  }

  get #options() {
    return { exactCase: this.form.elements.exactCase.checked };
  }

  #matches() {
    return found(this.model.captions, this.form.elements.needle.value, this.#options);
  }

  /** Something else is looked for: say in how many places it stands. */
  #start() {
    this.#at = null;
    const matches = this.#matches();
    const { value } = this.form.elements.needle;
    this.said.textContent = !value ? "" : matches.length ? count("found", matches.length) : say("search-none");
  }

  #index(matches) {
    return matches.findIndex((one) => one.id === this.#at?.id && one.at === this.#at.at);
  }

  next(by) {
    const matches = this.#matches();
    if (!matches.length) {
      this.said.textContent = say(this.form.elements.needle.value ? "search-none" : "search-empty");
      return;
    }
    const index = this.#index(matches);
    this.#show(matches, index < 0 ? this.#nearest(matches, by) : index + by);
  }

  /** The first place in or after the caption that was in hand, or the last before it. */
  #nearest(matches, by) {
    if (!this.#at) return by > 0 ? 0 : -1;
    const places = new Map(this.model.captions.map((caption, index) => [caption.id, index]));
    const here = places.get(this.#at.id) ?? 0;
    const after = matches.findIndex(
      ({ id, at }) => places.get(id) > here || (places.get(id) === here && at >= this.#at.at),
    );
    if (after < 0) return by > 0 ? 0 : -1;
    return by > 0 ? after : after - 1;
  }

  #show(matches, wanted) {
    const index = (wanted + matches.length) % matches.length;
    this.#at = matches[index];
    this.said.textContent = say("search-at", { number: index + 1, count: matches.length });
    this.show(matches[index]);
  }

  /** Replace the place that is shown, and go on to the next one. */
  replace() {
    const matches = this.#matches();
    const index = this.#index(matches);
    if (index < 0) {
      this.next(1);
      return;
    }
    const by = this.form.elements.by.value;
    this.model.replaceAt(matches[index], by);
    this.#at = { id: matches[index].id, at: matches[index].at + by.length };
    if (this.#matches().length) this.next(1);
    else this.said.textContent = count("replaced", 1);
  }

  replaceAll() {
    const { length } = this.#matches();
    if (!length) {
      this.next(1);
      return;
    }
    this.model.replaceAll(this.form.elements.needle.value, this.form.elements.by.value, this.#options);
    this.#at = null;
    this.said.textContent = count("replaced", length);
  }
}
