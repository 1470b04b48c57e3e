// The caption editor: what the parts of the page do with one another.

import { problems, speed } from "./checks.js";
import { keep, srt } from "./copy.js";
import { listen } from "./keys.js";
import { List } from "./list.js";
import { Model } from "./model.js";
import { Refused, SHORTEST } from "./operations.js";
import { Player } from "./player.js";
import { Preview } from "./preview.js";
import { Render, watchDiscard, watchImport, watchPublish } from "./render.js";
import { Search } from "./search.js";
import { Session } from "./session.js";
import { Unreachable } from "./site.js";
import { watchSound } from "./sound.js";
import { State } from "./state.js";
import { StyleForm } from "./style.js";
import { clock, seconds } from "./times.js";
import { Waveform } from "./waveform.js";
import { aloud, count, decimal, moment, say } from "./words.js";

const root = document.querySelector("[data-editor]");
const part = (name) => document.querySelector(`[data-${name}]`);
const STEP = 0.1; // seconds that a press moves a time
const NUDGE = "nudge";
let found = []; // problems by place
let locked = false; // while the video is being made

const model = new Model({ changed });
const state = new State({ badge: part("state"), banner: part("banner") });
const session = new Session({
  address: root.dataset.address,
  model,
  seen: (data) => render.join(data),
  told: (name, words) => {
    state.tell(name, words);
    if (name !== "over" && name !== "gone") return;
    part("ending").hidden = part("exports").hidden = true;
    render.over();
  },
});
const player = new Player(part("player"), moved);
const preview = new Preview({ stage: part("stage"), layer: part("layer"), player: part("player") });
const list = new List({ root: part("list"), template: part("row"), fill });
const waveform = new Waveform({
  root: part("sound"),
  on: {
    seek: (time) => player.seek(time),
    choose: (id) => choose(id),
    drag: (id, start, end, run) => tried(() => model.time(id, start, end, run)),
  },
});
const style = new StyleForm({
  form: part("style"),
  changed: (values) => tried(() => model.restyle(values)),
});
const search = new Search({ panel: part("search"), model, show: showMatch, locked: () => locked });
const render = new Render({ root: part("render"), session, words: root.dataset, lock });

// What changed, shown everywhere.

function changed(focus) {
  found = problems(model.captions, player.duration || null);
  list.show(model.captions, found);
  if (focus !== null && list.place(focus) >= 0) list.choose(focus);
  waveform.list(model.captions, list.current);
  style.show(model.style);
  preview.dress(model.style);
  showMoment(player.time);
  showCurrent();
  part("empty").hidden = model.captions.length > 0;
  part("counted").textContent = count("counted", model.captions.length);
  const wrong = found.filter((row) => row.length).length;
  const button = doing("next-problem");
  button.hidden = wrong === 0;
  button.textContent = count("problem", wrong);
  able();
  session?.touched();
}

function doing(name) {
  return document.querySelector(`[data-do="${name}"]`);
}

function able() {
  doing("undo").disabled = locked || !model.canUndo;
  doing("redo").disabled = locked || !model.canRedo;
}

function fill(parts, caption, place, wrong) {
  const number = place + 1;
  if (parts.number.textContent !== String(number)) {
    parts.number.textContent = number;
    parts.play.setAttribute("aria-label", say("number", { number }));
    for (const name of ["start", "end", "text"]) {
      parts[name].setAttribute("aria-label", say(name, { number }));
    }
  }
  for (const name of ["start", "end", "text"]) parts[name].readOnly = locked;
  const length = decimal(caption.end - caption.start, 2);
  parts.meta.textContent = say("meta", { seconds: length, speed: decimal(speed(caption), 0) });
  parts.problems.textContent = wrong.map(problem).join(" ");
}

function problem({ code, value }) {
  return say(code, { value: value === undefined ? "" : decimal(value, value < 1 ? 2 : 1) });
}

function showCurrent() {
  const place = list.place(list.current);
  const numbers = { number: place + 1, count: model.captions.length };
  part("current").hidden = place < 0;
  part("current-name").textContent = say(place < 0 ? "current-none" : "current", numbers);
  part("current-problems").textContent = (found[place] ?? []).map(problem).join(" ");
}

function moved(time) {
  if (player.duration) waveform.lasts(player.duration);
  showMoment(time);
}

function showMoment(time) {
  const follow = part("follow").checked;
  waveform.at(time, { follow });
  const heard = model.captions.filter((one) => one.start <= time && time < one.end);
  preview.show(heard);
  const reading = list.of(document.activeElement) !== null;
  list.mark(heard.map((one) => one.id), { follow: follow && player.playing && !reading });
}

function choose(id, options) {
  list.choose(id, options);
  waveform.list(model.captions, list.current);
  showCurrent();
}

function showMatch({ id, at, length }) {
  choose(id);
  player.seek(model.find(id).start);
  list.part(id, "text")?.setSelectionRange(at, at + length);
}

// What can be done. Each by its name: on buttons as data-do, and by keys.

function tried(act, words = "") {
  if (locked) {
    aloud(say("render-locked"));
    return null;
  }
  try {
    const done = act();
    if (words) tell(words);
    return done;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    tell(say(`refused-${error.code}`));
    return null;
  }
}

/** Said aloud, and to be read above the tools. */
function tell(words) {
  aloud(words);
  part("current-problems").textContent = words;
}

function current() {
  const caption = model.find(list.current);
  if (!caption) throw new Refused("none");
  return caption;
}

function timed(act) {
  const id = tried(act);
  if (id === null) return;
  const { start, end } = model.find(id);
  aloud(say("did-time", { start: clock(start), end: clock(end) }));
}

function cursor() {
  const field = list.part(list.current, "text");
  const at = field?.selectionStart ?? 0;
  const text = current().text;
  if (!text.slice(0, at).trim() || !text.slice(at).trim()) throw new Refused("cursor");
  return at;
}

/** Afterwards the cursor stands in the text of the caption at hand, where it stood before. */
function inText(act, words) {
  const writing = list.of(document.activeElement) !== null;
  const id = tried(act, words);
  if (id !== null && writing) list.choose(id, { focus: "text" });
  return id;
}

function step(by) {
  const place = list.place(list.current) + by;
  const caption = model.captions[place];
  if (!caption) return;
  const writing = list.of(document.activeElement) !== null;
  choose(caption.id, { focus: writing ? "text" : "" });
  if (!player.playing) player.seek(caption.start);
  if (!writing) aloud(`${place + 1}: ${caption.text}`);
}

const acts = {
  undo: () => tried(() => model.undo() || null, say("did-undo")),
  redo: () => tried(() => model.redo() || null, say("did-redo")),
  save: () => session.save(),
  toggle: () => player.toggle(),
  next: () => step(1),
  former: () => step(-1),
  leave: () => waveform.slider.focus(),
  "start-here": () => timed(() => model.start(current().id, player.time)),
  "end-here": () => timed(() => model.end(current().id, player.time)),
  "start-earlier": () => nudge("start", -STEP),
  "start-later": () => nudge("start", STEP),
  "end-earlier": () => nudge("end", -STEP),
  "end-later": () => nudge("end", STEP),
  "split-cursor": () => inText(() => model.split(current().id, { cursor: cursor() }), say("did-split")),
  "split-player": () => inText(() => model.split(current().id, { at: player.time }), say("did-split")),
  merge: () => inText(() => model.merge(current().id), say("did-merge")),
  remove: () => inText(() => model.remove(current().id), say("did-remove")),
  "insert-after": () => inserted(() => model.insert(current().end)),
  "insert-here": () => inserted(() => model.insert(player.time)),
  "next-problem": nextProblem,
  "load-theirs": loadTheirs,
  "keep-copy": () => keep(srt(model.captions), `${root.dataset.title} - mine.srt`),
};

/** Moving by steps keeps a caption as long as it must be, and never turns it over. */
function nudge(name, by) {
  timed(() => {
    const { id, start, end } = current();
    return name === "start"
      ? model.time(id, Math.min(start + by, end - SHORTEST), end, NUDGE)
      : model.time(id, start, Math.max(end + by, start + SHORTEST), NUDGE);
  });
}

function inserted(act) {
  const id = tried(act, say("did-insert"));
  if (id !== null) list.choose(id, { focus: "text" });
}

function nextProblem() {
  const here = list.place(list.current);
  const places = found.flatMap((row, place) => (row.length ? [place] : []));
  const place = places.find((one) => one > here) ?? places[0];
  const caption = model.captions[place];
  choose(caption.id);
  player.seek(caption.start);
  aloud(`${place + 1}: ${found[place].map(problem).join(" ")}`);
}

async function loadTheirs() {
  try {
    await session.load();
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    tell(say("state-offline"));
  }
}

// The list's fields.

const fields = part("list");

fields.addEventListener("input", ({ target }) => {
  if (target.dataset.part === "text") tried(() => model.write(list.of(target), target.value));
});
fields.addEventListener("change", ({ target }) => {
  if (["start", "end"].includes(target.dataset.part)) typed(target);
});
fields.addEventListener("focusin", ({ target }) => {
  const id = list.of(target);
  if (id !== null && id !== list.current) choose(id, { show: false });
});
fields.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-part=play]");
  const caption = button && model.find(list.of(button));
  if (caption) player.passage(caption.start, caption.end);
});
// The browser's own undo knows nothing of what was split or moved meanwhile.
fields.addEventListener("beforeinput", (event) => {
  const act = { historyUndo: acts.undo, historyRedo: acts.redo }[event.inputType];
  if (!act || event.target.dataset.part !== "text") return;
  event.preventDefault();
  act();
});
fields.addEventListener("keydown", (event) => {
  if (event.isComposing || event.altKey || event.ctrlKey || event.metaKey) return;
  const name = event.target.dataset.part;
  if (name === "text" && event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    if (list.current === model.captions.at(-1)?.id) acts["insert-after"]();
    else step(1);
  } else if (["start", "end"].includes(name)) {
    const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (event.key === "Enter") typed(event.target);
    if (!way) return;
    event.preventDefault();
    nudge(name, way * (event.shiftKey ? 10 : 1) * STEP);
  }
});

/** A time was written into a field. */
function typed(field) {
  const id = list.of(field);
  const caption = model.find(id);
  if (!caption) return;
  const name = field.dataset.part;
  const text = field.value;
  const wanted = seconds(text);
  if (wanted !== caption[name]) {
    if (wanted === null) tell(say("refused-time", { text }));
    else timed(() => model[name](id, wanted));
  }
  field.value = clock(model.find(id)[name]);
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-do]");
  if (button) acts[button.dataset.do]();
});
part("shift-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const by = Number(event.target.elements.by.value);
  const from = event.submitter?.value === "current" ? list.current : null;
  tried(() => model.shift(by, from), say("did-shift"));
});
listen({ acts, of: (element) => list.of(element), search: () => search.open() });

/** While the video is made, or once the session is over, nothing here can be changed. */
function lock(is) {
  if (is === locked) return;
  locked = is;
  root.classList.toggle("locked", is);
  waveform.locked = is;
  for (const field of part("style").elements) field.toggleAttribute("inert", is);
  for (const button of document.querySelectorAll("[data-do], [data-shift-form] button, [data-import] button")) {
    if (!["keep-copy", "load-theirs", "next-problem"].includes(button.dataset.do)) button.disabled = is;
  }
  able();
  list.show(model.captions, found);
}

// Exports come from the site, so what is here goes there first.

for (const link of document.querySelectorAll("[data-export]")) {
  link.addEventListener("click", async (event) => {
    if (!session.dirty || session.ended) return;
    event.preventDefault();
    await session.save();
    window.location.assign(link.href);
  });
}
watchImport({ form: part("import"), session, locked: () => locked });
watchPublish({
  form: document.querySelector("[data-publish-form]"),
  session,
  locked: () => locked,
  back: root.dataset.recording,
});
watchDiscard({
  button: part("discard"),
  dialog: part("discard-dialog"),
  session,
  back: root.dataset.recording,
});
window.addEventListener("beforeunload", (event) => {
  if (session.dirty && !session.over) event.preventDefault();
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") session.leave();
});
window.addEventListener("online", () => session.save());

async function begin() {
  state.tell("loading");
  root.hidden = false;
  try {
    const data = await session.load();
    if (!data) return;
    part("ending").hidden = part("render").hidden = false;
    if (data.expires_at) part("expires").textContent = say("expires", { date: moment(data.expires_at) });
    if (data.duration) waveform.lasts(data.duration);
    render.join(data);
    await watchSound({ data, session, waveform, root: part("sound") });
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    state.warn("banner-unloaded");
  }
}

begin();
