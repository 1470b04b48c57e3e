// The captions and their style as they are being edited, with every step back and forth. No page
// here: what changes is told by `changed`, and what cannot be done is thrown as Refused.

import * as operations from "./operations.js";

const MOST_STEPS = 300;
const PAUSE = 1500; // ms; typing on without a longer one is one step back

export class Model {
  #past = [];
  #future = [];
  #run = ""; // what the last step did, as long as more of it joins that step
  #last = 0;
  #ids = 0;

  /** `changed(focus)` is called after each step, with the id of the caption it is about. */
  constructor({ changed = () => {}, now = () => Date.now() } = {}) {
    this.state = { captions: [], style: {} };
    this.tell = changed;
    this.now = now;
  }

  /** Take captions and style as they came from the site; there is no step back behind that. */
  load({ captions, style }) {
    this.state = { captions: this.#named(captions), style: { ...style } };
    this.#past = [];
    this.#future = [];
    this.#run = "";
    this.tell(null);
  }

  get captions() {
    return this.state.captions;
  }

  get style() {
    return this.state.style;
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  find(id) {
    return this.captions.find((caption) => caption.id === id) ?? null;
  }

  /** What the site takes: without ids, which are this page's own. */
  plain() {
    const captions = this.captions.map(({ start, end, text }) => ({ start, end, text }));
    return { captions, style: { ...this.style } };
  }

  undo() {
    return this.#travel(this.#past, this.#future);
  }

  redo() {
    return this.#travel(this.#future, this.#past);
  }

  write(id, text) {
    return this.#step(operations.worded(this.captions, id, text), id, `text ${id}`);
  }

  /** Set both times, as a drag does: one drag is one step, whatever its `run` is called. */
  time(id, start, end, run = "") {
    return this.#step(operations.timed(this.captions, id, start, end), id, run && `time ${id} ${run}`);
  }

  start(id, seconds, run = "") {
    return this.#step(operations.started(this.captions, id, seconds), id, run && `start ${id}`);
  }

  end(id, seconds, run = "") {
    return this.#step(operations.ended(this.captions, id, seconds), id, run && `end ${id}`);
  }

  split(id, where) {
    const newId = this.#id();
    return this.#step(operations.split(this.captions, id, newId, where), newId);
  }

  merge(id) {
    return this.#step(operations.merged(this.captions, id), id);
  }

  remove(id) {
    const index = operations.place(this.captions, id);
    const after = this.captions[index + 1] ?? this.captions[index - 1];
    return this.#step(operations.removed(this.captions, id), after?.id ?? null);
  }

  insert(at) {
    const id = this.#id();
    return this.#step(operations.inserted(this.captions, id, at), id);
  }

  shift(by, from = null) {
    return this.#step(operations.shifted(this.captions, by, from), from);
  }

  replaceAt(match, by) {
    return this.#step(operations.replacedAt(this.captions, match, by), match.id);
  }

  replaceAll(needle, by, options) {
    return this.#step(operations.replacedAll(this.captions, needle, by, options), null);
  }

  /** Put other captions in the place of all, as an import does; one step back brings these. */
  replace(captions) {
    return this.#step(this.#named(captions), null);
  }

  restyle(values) {
    const style = { ...this.style, ...values };
    return this.#move({ ...this.state, style }, null, `style ${Object.keys(values)}`);
  }

  #id() {
    this.#ids += 1;
    return this.#ids;
  }

  #named(captions) {
    const named = captions.map(({ start, end, text }) => ({ id: this.#id(), start, end, text }));
    return operations.ordered(named);
  }

  #step(captions, focus, run = "") {
    return this.#move({ ...this.state, captions }, focus, run);
  }

  #move(state, focus, run) {
    if (JSON.stringify(state.style) === JSON.stringify(this.style) && same(state, this.state)) {
      return focus;
    }
    const now = this.now();
    const joins = run && run === this.#run && now - this.#last < PAUSE && this.#past.length;
    if (!joins) this.#past.push({ state: this.state, focus });
    if (this.#past.length > MOST_STEPS) this.#past.shift();
    this.#future = [];
    this.#run = run;
    this.#last = now;
    this.state = state;
    this.tell(focus);
    return focus;
  }

  /** Go one step from one pile onto the other; returns whether there was one. */
  #travel(from, onto) {
    const step = from.pop();
    if (!step) return false;
    onto.push({ state: this.state, focus: step.focus });
    this.state = step.state;
    this.#run = "";
    this.tell(step.focus);
    return true;
  }
}

/** Whether two lists say the same, caption by caption. */
function same({ captions: one }, { captions: other }) {
  return (
    one.length === other.length &&
    one.every((caption, index) => {
      const beside = other[index];
      return (
        caption === beside ||
        (caption.id === beside.id &&
          caption.start === beside.start &&
          caption.end === beside.end &&
          caption.text === beside.text)
      );
    })
  );
}
