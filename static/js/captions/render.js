// Making the video, and what became of it; and the end of a session.

import { ask, sentence, Unreachable } from "./site.js";
import { aloud, count, say } from "./words.js";

const EVERY = 2000; // ms
const OPEN = new Set(["queued", "running"]);

export class Render {
  /** `session` saves and ends; `lock(is)` keeps the captions as they are meanwhile. */
  constructor({ root, session, words, lock }) {
    this.root = root;
    this.session = session;
    this.words = words; // addresses
    this.lock = lock;
    this.form = root.querySelector("[data-render-form]");
    this.progress = root.querySelector("[data-render-progress]");
    this.form?.addEventListener("submit", (event) => {
      event.preventDefault();
      this.begin();
    });
    this.part("cancel")?.addEventListener("click", () => this.cancel());
  }

  part(name) {
    return this.root.querySelector(`[data-render-${name}]`);
  }

  get running() {
    return OPEN.has(this.job?.state);
  }

  /** Save first: what is made is what the site has. */
  async begin() {
    this.#wrong("");
    this.lock(true); // what is typed from now on would not be in it
    const problem = (await this.session.save()) ? await this.#start() : say("render-unsaved");
    if (!problem) return;
    this.lock(false);
    this.#wrong(problem);
  }

  /** Returns what went wrong, in a sentence; nothing when the video is on its way. */
  async #start() {
    const mode = new FormData(this.form).get("mode");
    const body = { mode, revision: this.session.revision };
    const { ok, data } = await this.#ask("POST", `${this.session.address}/render`, body);
    if (data?.code === "stale_revision") this.session.clash();
    if (!ok || !data) return sentence(data, say("went-wrong"));
    this.follow(data);
    return "";
  }

  async #ask(method, address, body) {
    try {
      return await ask(method, address, { body });
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      return { ok: false, status: 0, data: null };
    }
  }

  /** Take up the rendering that is under way, if it was begun elsewhere. */
  join({ job }) {
    if (this.form && OPEN.has(job?.state) && !this.running) this.follow(job);
  }

  /** Take up a job, the one just begun or one that was under way when the page came. */
  follow(job) {
    this.job = job;
    this.#show();
    if (this.running) setTimeout(() => this.#look(), this.stopping ? EVERY / 4 : EVERY);
    else this.#ended();
  }

  async #look() {
    const { ok, status, data } = await this.#ask("GET", this.#address());
    if (ok) {
      this.follow(data);
    } else if (status === 404) {
      this.job = null;
      this.#show();
      this.#wrong(say("went-wrong"));
    } else {
      this.part("said").textContent = say("render-lost");
      setTimeout(() => this.#look(), 3 * EVERY);
    }
  }

  #address() {
    return this.words.job.replace(/0$/, this.job.id);
  }

  #show() {
    const { running } = this;
    this.lock(running);
    this.form.hidden = running;
    this.progress.hidden = !running;
    if (!running) return;
    const { state, progress } = this.job;
    const name = this.stopping ? "stopping" : state;
    const said = say(`render-${name}`, { progress });
    const bar = this.progress.querySelector("progress");
    bar.value = progress;
    if (this.part("said").textContent !== said) {
      this.part("said").textContent = said;
      if (name !== this.told || progress >= this.next) aloud(said);
      this.told = name;
      this.next = progress - (progress % 25) + 25;
    }
  }

  async cancel() {
    this.stopping = true;
    this.part("said").textContent = say("render-stopping");
    this.part("cancel").disabled = true;
    const { ok, status, data } = await this.#ask("POST", `${this.#address()}/cancel`);
    if (!ok && status !== 409) {
      this.stopping = false;
      this.part("cancel").disabled = false;
      this.#wrong(sentence(data, say("went-wrong")));
    }
  }

  #ended() {
    this.stopping = false;
    this.told = "";
    this.part("cancel").disabled = false;
    if (this.job.state === "succeeded") {
      this.session.end();
      this.lock(true);
      this.#done();
    } else {
      const failed = this.job.state === "failed";
      this.#wrong(failed ? `${say("render-failed")} ${this.job.error}` : say("render-cancelled"));
    }
  }

  /** Show the newest final video of the recording, and how long it stays. */
  async #done() {
    const { ok, data } = await this.#ask("GET", this.words.recordingApi);
    const finals = ok ? data.files.filter((file) => file.kind === "final") : [];
    const final = finals.reduce((last, one) => (one.id > (last?.id ?? 0) ? one : last), null);
    if (final) this.part("link").href = `${final.url}?download=1`;
    this.part("link").hidden = !final;
    this.part("left").textContent = final?.leaves_at ? say("left", { span: span(final.leaves_at) }) : "";
    this.part("done").hidden = false;
    this.part("done").focus();
  }

  /** The session has ended: nothing more can be made of it. */
  over() {
    for (const form of this.root.querySelectorAll("form")) form.hidden = true;
  }

  #wrong(text) {
    this.part("error").textContent = text;
    this.part("error").hidden = !text;
  }
}

/** How long it is until then, in this language: 23 hours. */
function span(moment) {
  const minutes = Math.max(Math.floor((new Date(moment) - Date.now()) / 60_000), 0);
  const [value, unit] = minutes < 120 ? [minutes, "minute"] : [Math.round(minutes / 60), "hour"];
  const format = { style: "unit", unit, unitDisplay: "long" };
  return new Intl.NumberFormat(document.documentElement.lang, format).format(value);
}

/** Using the captions for the recording as they are; what was typed is saved first. */
export function watchPublish({ form, session, locked, back }) {
  const error = form.querySelector("[data-publish-error]");
  const button = form.querySelector("button");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (locked()) return;
    error.hidden = true;
    button.disabled = true;
    error.textContent = (await session.save()) ? await publish(session, back) : say("publish-unsaved");
    error.hidden = !error.textContent;
    button.disabled = false;
  });
}

/** Returns what went wrong, in a sentence. */
async function publish(session, back) {
  try {
    const body = { revision: session.revision };
    const { ok, data } = await ask("POST", `${session.address}/publish`, { body });
    if (ok) {
      session.end({ all: true });
      window.location.assign(back);
      return "";
    }
    if (data?.code === "stale_revision") session.clash();
    return sentence(data, say("went-wrong"));
  } catch (failure) {
    if (!(failure instanceof Unreachable)) throw failure;
    return say("went-wrong");
  }
}

/** The button that ends the session, which asks first. */
export function watchDiscard({ button, dialog, session, back }) {
  const error = dialog.querySelector("[data-discard-error]");
  button.addEventListener("click", () => {
    error.hidden = true;
    dialog.showModal();
  });
  dialog.querySelector("[data-discard-no]").addEventListener("click", () => dialog.close());
  dialog.querySelector("[data-discard-yes]").addEventListener("click", async () => {
    try {
      const { ok, status, data } = await ask("DELETE", session.address);
      if (ok || status === 404) {
        session.end({ all: true });
        window.location.assign(back);
        return;
      }
      error.textContent = sentence(data, say("went-wrong"));
    } catch (failure) {
      if (!(failure instanceof Unreachable)) throw failure;
      error.textContent = say("went-wrong");
    }
    error.hidden = false;
  });
}

/** Importing a file in the place of all captions; what was typed before is saved first. */
export function watchImport({ form, session, locked }) {
  const error = form.querySelector("[data-import-error]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (locked()) return;
    error.hidden = true;
    const button = form.querySelector("button");
    button.disabled = true;
    const saved = await session.save();
    const problem = saved ? await session.alone(() => imported(form, session)) : say("went-wrong");
    button.disabled = false;
    if (!problem) {
      form.reset();
      return;
    }
    error.textContent = problem;
    error.hidden = false;
    error.focus();
  });
}

/** Returns what went wrong, in a sentence; nothing when it is done. */
async function imported(form, session) {
  const sent = new FormData();
  sent.append("revision", session.revision);
  sent.append("file", form.elements.file.files[0]);
  try {
    const { ok, data } = await ask("POST", `${session.address}/import`, { form: sent });
    if (data?.code === "stale_revision") session.clash();
    if (!ok || !data) return sentence(data, say("went-wrong"));
    session.adopt(data);
    aloud(count("did-import", data.captions.length));
    return "";
  } catch (failure) {
    if (!(failure instanceof Unreachable)) throw failure;
    return say("went-wrong");
  }
}
