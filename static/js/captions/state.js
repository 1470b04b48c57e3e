// How the session is, beside the captions; read aloud where somebody must know.

import { aloud, say } from "./words.js";

const FINE = new Set(["loading", "saved", "unsaved", "saving", "over"]);

export class State {
  #last = "";
  #troubled = false; // since it was saved last

  constructor({ badge, banner }) {
    this.badge = badge;
    this.banner = banner;
    this.words = banner.querySelector("[data-banner-words]");
  }

  tell(state, words = "") {
    const said = [say(`state-${state}`), words].filter(Boolean).join(" ");
    const bad = !FINE.has(state);
    this.badge.className = `badge ${bad ? "failed" : state === "saved" ? "ready" : ""}`;
    this.badge.textContent = said;
    if ((bad && state !== this.#last) || (state === "saved" && this.#troubled)) aloud(said);
    this.#troubled = bad || (this.#troubled && state !== "saved");
    this.#last = state;
    if (state === "conflict" || state === "gone") this.warn(`banner-${state}`, state);
    else this.banner.hidden = true;
  }

  /** Put a sentence where it cannot be missed, with what can be done about it. */
  warn(name, state = "") {
    this.words.textContent = say(name);
    this.banner.querySelector("[data-do=load-theirs]").hidden = state === "gone";
    this.banner.hidden = false; // an alert: read aloud, and the cursor stays where it was
  }
}
