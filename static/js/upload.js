// The upload page: several files one after another, each with a bar, its own details, and buttons to
// pause, go on and cancel. Without this module the page is a plain form for one file.

import { Speed, clock, duration, size } from "./measures.js";
import { Memory, Transfer, ask, giveUp } from "./transfer.js";

const area = document.querySelector("[data-uploader]");
const plain = document.querySelector("[data-plain]");
const words = area.dataset;
const list = area.querySelector("[data-uploads]");
const start = area.querySelector("[data-start]");
const said = area.querySelector("[data-said]");
const total = area.querySelector("[data-total]");
const unfinished = area.querySelector("[data-unfinished]");
const token = plain.querySelector("[name=csrfmiddlewaretoken]").value;
const memory = new Memory(words.user);
const speed = new Speed();
const uploads = [];
let running = null;
let started = false;

class Upload {
  constructor(file) {
    this.file = file;
    this.state = "waiting";
    this.sent = 0;
    this.quarter = 0;
    this.row = document.querySelector("template[data-upload-row]").content.firstElementChild.cloneNode(true);
    for (const name of this.row.querySelectorAll("[data-name]")) name.append(` ${file.name}`);
    this.part("size").textContent = size(file.size);
    this.field("title").placeholder = file.name.replace(/\.[^.]*$/, "");
    this.bar = this.row.querySelector("progress");
    this.bar.setAttribute("aria-label", file.name);
    for (const act of ["cancel", "retry", "pause", "resume", "remove"]) {
      this.part(act).addEventListener("click", () => this[act]());
    }
    list.append(this.row);
    const about = { endpoint: words.url, token, memory, listener: this, gone: words.gone };
    this.transfer = new Transfer(file, about);
    if (file.size === 0) this.show("failed", words.empty, { hopeless: true });
  }

  part(name) {
    return this.row.querySelector(`[data-${name}]`);
  }

  field(name) {
    return this.row.querySelector(`[name=${name}]`);
  }

  /** Write how it goes beside the file, and have it read aloud unless it is only a number. */
  say(text, { aloud = true } = {}) {
    this.part("state").textContent = text;
    if (aloud) said.textContent = `${this.file.name}: ${text}`;
  }

  /** Look whether this file was begun before; what was said of it then stays. */
  async remember() {
    const offset = await this.transfer.remember();
    if (!this.transfer.isBegun || this.state !== "waiting") return;
    this.progress(offset);
    this.part("options").hidden = true;
    this.bar.hidden = false;
    this.say(words.known.replace("%s", percent(offset, this.file.size)));
    listUnfinished();
  }

  /** What is said about the file, as the site wants it. Throws RangeError. */
  metadata() {
    const found = {};
    for (const name of ["title", "language"]) {
      if (this.field(name).value.trim()) found[name] = this.field(name).value.trim();
    }
    for (const name of ["trim_start", "trim_end"]) {
      const seconds = clock(this.field(name).value);
      if (seconds !== null) found[name] = String(seconds);
    }
    return found;
  }

  begin() {
    let metadata;
    try {
      metadata = this.metadata();
    } catch {
      this.show("failed", words.time);
      return;
    }
    running = this;
    speed.forget();
    this.show("running", words.starting);
    this.transfer.start(metadata, this.field("subtitles").files[0] ?? null);
  }

  progress(sent) {
    this.sent = sent;
    this.bar.value = (sent / this.file.size) * 100;
    if (this.state !== "running") return;
    speed.note(sent);
    const quarter = Math.floor((sent / this.file.size) * 4);
    const aloud = quarter !== this.quarter;
    this.quarter = quarter;
    if (sent === this.file.size) this.say(words.checking);
    else this.say(withTime(percent(sent, this.file.size), this.file.size - sent), { aloud });
    showTotal();
  }

  done(recording) {
    this.sent = this.file.size;
    if (recording) {
      this.part("open").href = `/recordings/${recording}`;
      this.part("open").hidden = false;
    }
    this.show("done", words.done);
  }

  failed(sentence, { hopeless }) {
    this.show("failed", sentence || words.broken, { hopeless });
  }

  lost() {
    this.show("lost", words.lost);
  }

  pause() {
    this.transfer.pause();
    this.show("paused", words.paused.replace("%s", percent(this.sent, this.file.size)));
  }

  resume() {
    this.retry();
  }

  retry() {
    this.show("waiting", words.waiting);
    started = true;
    next();
  }

  async cancel() {
    const shown = this.state;
    try {
      await this.transfer.cancel();
    } catch {
      this.show(shown === "running" ? "lost" : shown, words.kept);
      return;
    }
    if (shown === "waiting" && !this.bar.value) this.row.remove();
    this.sent = 0;
    this.show("cancelled", words.cancelled);
    listUnfinished();
  }

  /** Take a file that is never taken out of the list; the site keeps nothing of it. */
  async remove() {
    await this.transfer.cancel().catch(() => {});
    this.row.remove();
    uploads.splice(uploads.indexOf(this), 1);
    offer();
    showTotal();
    listUnfinished();
  }

  /** Change the state, and with it what the row offers: to a `hopeless` file only its removal. */
  show(state, text, { hopeless = false } = {}) {
    this.row.classList.remove(this.state);
    this.row.classList.add(state);
    this.state = state;
    const begun = this.transfer.isBegun;
    this.bar.hidden = ["done", "cancelled", "failed"].includes(state) || (state === "waiting" && !begun);
    this.part("options").hidden = begun || hopeless || !["waiting", "failed"].includes(state);
    this.part("cancel").hidden = hopeless || ["done", "cancelled"].includes(state);
    this.part("remove").hidden = !hopeless;
    this.part("pause").hidden = state !== "running";
    this.part("resume").hidden = !["paused", "lost"].includes(state);
    this.part("retry").hidden = hopeless || state !== "failed";
    this.say(text);
    if (running === this && state !== "running") {
      running = null;
      next();
    }
    offer();
    showTotal();
  }
}

function percent(part, whole) {
  return `${Math.floor((part / Math.max(whole, 1)) * 100)} %`;
}

/** Add how long so many bytes will take, as soon as that can be told. */
function withTime(text, bytes) {
  const seconds = speed.left(bytes);
  return seconds === null ? text : `${text}, ${words.left.replace("%s", duration(seconds))}`;
}

function waiting() {
  return uploads.filter((upload) => upload.state === "waiting");
}

function next() {
  if (running || !started) return;
  const [first] = waiting();
  if (first) first.begin();
  else started = false;
  offer();
}

/** Show the start button while something waits and nothing runs. */
function offer() {
  const count = waiting().length;
  start.hidden = count === 0 || running !== null;
  start.textContent = count === 1 ? words.one : words.many.replace("%d", count);
}

/** All files that are on their way or have arrived, as one bar; nothing for a single one. */
function showTotal() {
  const counted = uploads.filter((one) => !["cancelled", "failed"].includes(one.state));
  const [sent, all] = counted.reduce(([a, b], one) => [a + one.sent, b + one.file.size], [0, 0]);
  const finished = counted.filter((one) => one.state === "done").length;
  total.hidden = counted.length < 2 || (!sent && !running);
  total.querySelector("progress").value = (sent / Math.max(all, 1)) * 100;
  const files = words.files.replace("%d", finished).replace("%d", counted.length);
  const text = `${files}, ${percent(sent, all)}`;
  total.querySelector("[data-total-words]").textContent = running ? withTime(text, all - sent) : text;
}

/** Name what was begun here before and is not in the list: choosing the same file goes on. */
async function listUnfinished() {
  const shown = new Set(uploads.map((one) => one.transfer.former?.urlStorageKey));
  const rows = [];
  for (const one of await memory.all()) {
    if (shown.has(one.urlStorageKey) || uploads.some((upload) => upload.transfer.upload.url === one.uploadUrl)) continue;
    const state = await ask(one.uploadUrl).catch(() => undefined);
    if (state === null) await memory.forget(one);
    else if (state) rows.push(unfinishedRow(one, state));
  }
  unfinished.querySelector("ul").replaceChildren(...rows);
  unfinished.hidden = rows.length === 0;
}

function unfinishedRow(one, state) {
  const row = document.querySelector("template[data-unfinished-row]").content.firstElementChild.cloneNode(true);
  for (const name of row.querySelectorAll("[data-name]")) name.append(one.metadata.filename);
  row.querySelector("[data-size]").textContent = `${size(one.size)}, ${percent(state.offset, state.length)}`;
  row.querySelector("[data-discard]").addEventListener("click", async () => {
    if (!(await giveUp(one.uploadUrl, token).catch(() => false))) return;
    await memory.forget(one);
    listUnfinished();
  });
  return row;
}

function add(files) {
  for (const file of files) {
    const upload = new Upload(file);
    uploads.push(upload);
    upload.remember();
  }
  offer();
  showTotal();
}

function watchDrops(place) {
  let depth = 0;
  const mark = (change) => {
    depth = Math.max(0, depth + change);
    place.classList.toggle("over", depth > 0);
  };
  place.addEventListener("dragenter", (event) => { event.preventDefault(); mark(1); });
  place.addEventListener("dragleave", () => mark(-1));
  place.addEventListener("dragover", (event) => event.preventDefault());
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    mark(-depth);
    add(event.dataTransfer.files);
  });
}

watchDrops(area.querySelector("[data-drop]"));
area.querySelector("[data-choose]").addEventListener("change", (event) => {
  add(event.target.files);
  event.target.value = "";
});
start.addEventListener("click", () => {
  started = true;
  next();
});
window.addEventListener("online", () => {
  for (const upload of uploads) if (upload.state === "lost") upload.resume();
});
window.addEventListener("beforeunload", (event) => {
  if (running) event.preventDefault();
});
plain.hidden = true;
area.hidden = false;
listUnfinished();
