// One editing session at the site: loaded, saved soon after every change, said to be in use. Each
// save names the revision it builds on; where the site has another one, nothing is sent any more
// until a person has decided.

import { ask, sentence, Unreachable } from "./site.js";

const SOON = 900; // ms after the last change
const LATER = 4000; // the same for captions that are long to send
const MANY = 3000; // captions from which on it is later
const BEAT = 60_000; // ms between signs of life
const AGAIN = [2000, 4000, 8000, 15_000, 30_000]; // ms before trying once more
const LAST_BYTES = 60_000; // what a browser sends for a page that closes

/** What may end a session for this page: no more is sent. */
const ENDED = new Set(["conflict", "gone", "over"]);

export class Session {
  #timer;
  #saving = null;
  #tries = 0;

  /** `told(state, words)` hears how it goes: loading saved unsaved saving offline refused
   * signed-out conflict gone over. `seen(data)` hears what the site says now and then. */
  constructor({ address, model, told, seen = () => {} }) {
    this.address = address;
    this.model = model;
    this.told = told;
    this.seen = seen;
    this.state = "loading";
    this.saved = null; // the model's state that the site has
    this.revision = 0;
  }

  get dirty() {
    return this.saved !== null && this.model.state !== this.saved;
  }

  get ended() {
    return ENDED.has(this.state);
  }

  /** Take what the site has. Raises Unreachable; returns the session, or null with a state told. */
  async load() {
    const { ok, status, data } = await ask("GET", this.address);
    if (!ok || !data) {
      this.#refused(status, data);
      return null;
    }
    this.take(data);
    if (!this.beat) this.beat = setInterval(() => this.#sign(), BEAT);
    return data;
  }

  /** Make what the site sent the captions of this page; what was here is gone. */
  take(data) {
    this.revision = data.revision;
    this.saved = null; // while the model tells of its change
    this.model.load(data);
    this.saved = this.model.state;
    this.#tell("saved");
  }

  /** The site has another list now that this page asked for, as an import does. */
  adopt(data) {
    this.revision = data.revision;
    this.model.replace(data.captions);
    this.saved = this.model.state;
    this.#tell("saved");
  }

  /** Do something that moves the session on at the site, while no save goes on beside it. */
  async alone(work) {
    while (this.#saving) await this.#saving;
    const done = work();
    this.#saving = done.catch(() => {});
    try {
      return await done;
    } finally {
      this.#saving = null;
    }
  }

  /** Something was changed here: save it soon. */
  touched() {
    if (this.saved === null || this.ended) return;
    clearTimeout(this.#timer);
    if (!this.dirty) {
      if (!this.#saving) this.#tell("saved");
      return;
    }
    if (this.state !== "offline") this.#tell("unsaved");
    this.#in(this.model.captions.length > MANY ? LATER : SOON);
  }

  #in(wait) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.save(), wait);
  }

  /** Save now; returns whether the site has everything. */
  async save() {
    clearTimeout(this.#timer);
    while (this.#saving) await this.#saving;
    if (this.dirty && !this.ended) {
      this.#saving = this.#send();
      await this.#saving;
    }
    return !this.dirty && !this.ended;
  }

  async #send() {
    const sent = this.model.state;
    this.#tell("saving");
    try {
      const answer = await ask("PATCH", this.address, { body: this.#changes(sent) });
      await this.#answered(answer, sent);
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      this.#retry("offline");
    } finally {
      this.#saving = null;
    }
  }

  /** Only what differs from what the site has: style alone is short. */
  #changes(state) {
    const { captions, style } = this.model.plain();
    return {
      revision: this.revision,
      ...(state.captions === this.saved.captions ? {} : { captions }),
      ...(state.style === this.saved.style ? {} : { style }),
    };
  }

  async #answered({ ok, status, data }, sent) {
    if (ok && data) this.#taken(data.revision, sent);
    else if (status === 409 && data?.code === "stale_revision") await this.#stale(sent);
    else this.#refused(status, data);
  }

  #taken(revision, sent) {
    this.revision = revision;
    this.saved = sent;
    this.#tries = 0;
    if (this.dirty) this.touched();
    else this.#tell("saved");
  }

  /** Another revision stands there. It may be our own, whose answer was lost on the way. */
  async #stale(sent) {
    const { ok, data } = await ask("GET", this.address);
    if (ok && data && alike(data, sent)) this.#taken(data.revision, sent);
    else this.#tell("conflict");
  }

  #refused(status, data) {
    const words = sentence(data, "");
    if (status === 404) this.#tell("gone");
    else if (status === 401 || status === 403) this.#retry("signed-out");
    else if (status === 409) this.#retry("refused", words);
    else if (status >= 500 || status === 429) this.#retry("offline", words);
    else this.#tell("refused", words); // tried again with the next change
  }

  #retry(state, words) {
    this.#tell(state, words);
    this.#in(AGAIN[Math.min(this.#tries, AGAIN.length - 1)]);
    this.#tries += 1;
  }

  /** Say that somebody is here; an open page keeps its session. */
  async #sign() {
    if (this.ended || this.#saving) return;
    if (this.dirty) {
      this.save();
      return;
    }
    const body = { revision: this.revision };
    try {
      const { status, data } = await ask("PATCH", this.address, { body });
      if (this.dirty || this.#saving || body.revision !== this.revision) return; // saved meanwhile
      if (status === 409 && data?.code === "stale_revision") this.#tell("conflict");
      else if (status === 404) this.#tell("gone");
      else if (data?.revision) this.seen(data);
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error; // the next one may come through
    }
  }

  /** The page may be closing: send what fits. The answer is for nobody, unless it stays. */
  leave() {
    if (!this.dirty || this.#saving || this.ended) return;
    const body = this.#changes(this.model.state);
    if (new Blob([JSON.stringify(body)]).size > LAST_BYTES) {
      this.save();
      return;
    }
    const sent = this.model.state;
    clearTimeout(this.#timer);
    this.#saving = ask("PATCH", this.address, { body, keepalive: true })
      .then((answer) => this.#answered(answer, sent))
      .catch((error) => {
        if (!(error instanceof Unreachable)) throw error;
        this.#retry("offline");
      })
      .finally(() => {
        this.#saving = null;
      });
  }

  /** The session has ended as it should: rendered, or discarded with `all` that is here. */
  end({ all = false } = {}) {
    this.over = all || !this.dirty;
    clearTimeout(this.#timer);
    clearInterval(this.beat);
    this.#tell(this.over ? "over" : "gone");
  }

  /** The site says that another revision stands there. */
  clash() {
    this.#tell("conflict");
  }

  #tell(state, words = "") {
    this.state = state;
    this.told(state, words);
  }
}

/** Whether the site has what was sent to it; it tidies space around lines. */
function alike(data, { captions, style }) {
  const tidy = (text) => text.split(/\r?\n/u).map((line) => line.trim()).filter(Boolean).join("\n");
  return (
    data.captions.length === captions.length &&
    data.captions.every(({ start, end, text }, index) => {
      const mine = captions[index];
      return start === mine.start && end === mine.end && tidy(text) === tidy(mine.text);
    }) &&
    Object.entries(style).every(([name, value]) => data.style[name] === value)
  );
}
