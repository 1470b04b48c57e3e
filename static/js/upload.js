// Uploads: several files one after another, each with a bar, a cancel button and its own details.
// Without this module the page is a plain form for one file.

const area = document.querySelector("[data-uploader]");
const plain = document.querySelector("[data-plain]");
const words = area.dataset;
const list = area.querySelector("[data-uploads]");
const start = area.querySelector("[data-start]");
const said = area.querySelector("[data-said]");
const template = document.querySelector("template[data-upload-row]");
const token = plain.querySelector("[name=csrfmiddlewaretoken]").value;
const uploads = [];
let running = null;

class Upload {
  constructor(file) {
    this.file = file;
    this.state = "waiting";
    this.row = template.content.firstElementChild.cloneNode(true);
    for (const name of this.row.querySelectorAll("[data-name]")) name.append(` ${file.name}`);
    this.part("size").textContent = size(file.size);
    this.field("title").placeholder = file.name.replace(/\.[^.]*$/, "");
    this.part("cancel").addEventListener("click", () => this.cancel());
    this.part("retry").addEventListener("click", () => this.again());
    list.append(this.row);
    if (file.size === 0) this.end("failed", words.empty, { retry: false });
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

  /** Everything that is said about the file, and the file last, as the site wants it. */
  form() {
    const form = new FormData();
    for (const name of ["title", "language"]) {
      if (this.field(name).value.trim()) form.append(name, this.field(name).value.trim());
    }
    for (const name of ["trim_start", "trim_end"]) {
      const seconds = clock(this.field(name).value);
      if (seconds !== null) form.append(name, seconds);
    }
    const subtitles = this.field("subtitles").files[0];
    if (subtitles) form.append("subtitles", subtitles);
    form.append("file", this.file);
    return form;
  }

  begin() {
    let form;
    try {
      form = this.form();
    } catch {
      this.end("failed", words.time);
      return;
    }
    this.state = "running";
    running = this;
    this.part("options").hidden = true;
    const bar = this.row.querySelector("progress");
    bar.hidden = false;
    bar.setAttribute("aria-label", this.file.name);
    const request = new XMLHttpRequest();
    this.request = request;
    request.upload.addEventListener("progress", (event) => this.show(bar, event));
    request.addEventListener("load", () => this.answered(request));
    request.addEventListener("error", () => this.end("failed", words.lost));
    request.open("POST", words.url);
    request.setRequestHeader("X-CSRFToken", token);
    request.setRequestHeader("Accept", "application/json");
    request.send(form);
  }

  show(bar, event) {
    if (!event.lengthComputable) return;
    const percent = Math.floor((event.loaded / event.total) * 100);
    bar.value = percent;
    if (event.loaded === event.total) this.say(words.checking);
    else this.say(`${percent} %`, { aloud: percent % 25 === 0 });
  }

  answered(request) {
    const answer = parse(request.responseText);
    if (request.status === 201 && answer) {
      this.part("open").href = `/recordings/${answer.id}`;
      this.part("open").hidden = false;
      this.end("done", words.done);
    } else {
      this.end("failed", sentence(answer) || words.broken);
    }
  }

  cancel() {
    if (this.request) this.request.abort();
    const wasRunning = this.state === "running";
    this.end("cancelled", words.cancelled, { retry: false });
    if (!wasRunning) {
      uploads.splice(uploads.indexOf(this), 1);
      this.row.remove();
      offer();
    }
  }

  again() {
    this.state = "waiting";
    this.row.classList.remove("failed");
    this.part("retry").hidden = true;
    this.part("cancel").hidden = false;
    next();
  }

  end(state, text, { retry = state === "failed" } = {}) {
    const wasRunning = running === this;
    this.state = state;
    this.row.classList.add(state);
    this.row.querySelector("progress").hidden = true;
    this.part("options").hidden = state !== "failed";
    this.part("cancel").hidden = state !== "failed";
    this.part("retry").hidden = !retry;
    this.say(text);
    if (wasRunning) {
      running = null;
      next();
    }
    offer();
  }
}

function size(bytes) {
  const units = ["bytes", "KB", "MB", "GB", "TB"]; // as the server writes them
  const power = Math.min(Math.floor(Math.log(Math.max(bytes, 1)) / Math.log(1024)), 4);
  const digits = power > 0 ? 1 : 0;
  const format = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  const number = new Intl.NumberFormat(document.documentElement.lang, format);
  return `${number.format(bytes / 1024 ** power)}\u00a0${units[power]}`;
}

/** Seconds of 90.5, 1:30 or 1:02:03; null of nothing. */
function clock(text) {
  if (!text.trim()) return null;
  if (!/^(?:(?:\d{1,3}:)?\d{1,2}:)?\d{1,6}(?:[.,]\d{1,3})?$/.test(text.trim())) throw new RangeError(text);
  return text.trim().replace(",", ".").split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The sentences of an error: one detail, or some for each field. */
function sentence(answer) {
  if (!answer || typeof answer !== "object") return "";
  if (typeof answer.detail === "string") return answer.detail;
  return Object.values(answer).flat().filter((one) => typeof one === "string").join(" ");
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

let started = false;

function add(files) {
  for (const file of files) uploads.push(new Upload(file));
  offer();
  next();
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
window.addEventListener("beforeunload", (event) => {
  if (running) event.preventDefault();
});
plain.hidden = true;
area.hidden = false;
