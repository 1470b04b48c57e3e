// The list of captions. Only the rows in sight are in the page, all of one height, so that five
// thousand captions are as quick as five; the row with the focus stays wherever the list is scrolled.

import { clock } from "./times.js";

const BEYOND = 6; // rows kept above and below what is seen

export class List {
  #rows = new Map(); // id -> {row, parts, shown}
  #height = 0;
  #places = new Map(); // id -> place in the list
  #frame = 0;

  /** `fill(parts, caption, place, problems)` writes what the model does not know to write. */
  constructor({ root, template, fill }) {
    this.root = root;
    this.list = root.querySelector("ol");
    this.template = template;
    this.fill = fill;
    this.captions = [];
    this.problems = [];
    this.current = null; // id
    this.playing = new Set(); // ids
    root.addEventListener("scroll", () => this.#soon(), { passive: true });
    new ResizeObserver(() => this.#measure()).observe(root);
  }

  show(captions, problems) {
    this.captions = captions;
    this.problems = problems;
    this.#places = new Map(captions.map((caption, index) => [caption.id, index]));
    if (!this.#places.has(this.current)) this.current = captions[0]?.id ?? null;
    this.#measure();
  }

  place(id) {
    return this.#places.get(id) ?? -1;
  }

  /** The id that a part of a row belongs to. */
  of(element) {
    const row = element.closest?.("li[data-id]");
    return row ? Number(row.dataset.id) : null;
  }

  /** Make a caption the current one; `focus` names the part that gets the cursor. */
  choose(id, { focus = "", show = true } = {}) {
    if (!this.#places.has(id)) return;
    this.current = id;
    if (show) this.#reveal(this.place(id));
    this.#draw();
    if (focus) this.#rows.get(id)?.parts[focus].focus({ preventScroll: true });
  }

  part(id, name) {
    return this.#rows.get(id)?.parts[name] ?? null;
  }

  /** Mark what is heard now, and keep it in sight when asked. */
  mark(ids, { follow = false } = {}) {
    if (ids.length === this.playing.size && ids.every((id) => this.playing.has(id))) return;
    this.playing = new Set(ids);
    if (follow && ids.length) this.#reveal(this.place(ids[0]));
    this.#draw();
  }

  #measure() {
    if (!this.#rows.size && this.captions.length) this.#draw();
    const row = this.list.firstElementChild;
    if (row) this.#height = row.offsetHeight;
    this.list.style.height = `${this.#height * this.captions.length}px`;
    this.#draw();
  }

  #reveal(index) {
    const top = index * this.#height;
    const { scrollTop, clientHeight } = this.root;
    if (top < scrollTop || top + this.#height > scrollTop + clientHeight) {
      this.root.scrollTop = Math.max(top - (clientHeight - this.#height) / 3, 0);
    }
  }

  #soon() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  /** The places to be in the page: what is seen, and where the focus is. */
  #wanted() {
    const height = this.#height || 100;
    const first = Math.max(Math.floor(this.root.scrollTop / height) - BEYOND, 0);
    const seen = Math.ceil(this.root.clientHeight / height) + 2 * BEYOND;
    const last = Math.min(first + seen, this.captions.length);
    const places = Array.from({ length: Math.max(last - first, 0) }, (_, at) => first + at);
    const kept = [this.place(this.of(document.activeElement) ?? -1)];
    for (const place of kept) {
      if (place >= 0 && place < first) places.unshift(place);
      if (place >= last) places.push(place);
    }
    return places;
  }

  #draw() {
    const places = this.#wanted();
    const wanted = new Set(places.map((place) => this.captions[place].id));
    const focus = this.#focus();
    for (const [id, { row }] of this.#rows) {
      if (!wanted.has(id)) {
        row.remove();
        this.#rows.delete(id);
      }
    }
    let before = this.list.firstElementChild;
    for (const place of places) {
      const { row } = this.#bind(place);
      if (row === before) before = before.nextElementSibling;
      else this.list.insertBefore(row, before);
    }
    this.#restore(focus);
  }

  #focus() {
    const element = document.activeElement;
    if (!this.list.contains(element)) return null;
    return { element, from: element.selectionStart, to: element.selectionEnd };
  }

  /** A row that changed its place was taken out for a moment, and lost the cursor. */
  #restore(focus) {
    if (!focus || document.activeElement === focus.element || !focus.element.isConnected) return;
    focus.element.focus({ preventScroll: true });
    if (focus.from !== undefined && focus.from !== null) {
      focus.element.setSelectionRange(focus.from, focus.to);
    }
  }

  #bind(place) {
    const caption = this.captions[place];
    const entry = this.#rows.get(caption.id) ?? this.#make(caption.id);
    const { row, parts, shown } = entry;
    row.style.transform = `translateY(${place * this.#height}px)`;
    write(parts.start, shown, "start", clock(caption.start));
    write(parts.end, shown, "end", clock(caption.end));
    write(parts.text, shown, "text", caption.text);
    row.setAttribute("aria-setsize", this.captions.length);
    row.setAttribute("aria-posinset", place + 1);
    mark(row, "aria-current", caption.id === this.current);
    row.classList.toggle("playing", this.playing.has(caption.id));
    this.fill(parts, caption, place, this.problems[place] ?? []);
    return entry;
  }

  #make(id) {
    const row = this.template.content.firstElementChild.cloneNode(true);
    row.dataset.id = id;
    const parts = { row };
    for (const part of row.querySelectorAll("[data-part]")) parts[part.dataset.part] = part;
    parts.problems.id = `caption-${id}-problems`;
    parts.text.setAttribute("aria-describedby", parts.problems.id);
    const entry = { row, parts, shown: {} };
    this.#rows.set(id, entry);
    return entry;
  }
}

/** Write what changed in the model, and leave what is being typed. */
function write(field, shown, name, value) {
  if (shown[name] === value) return;
  shown[name] = value;
  if (field.value !== value) field.value = value;
}

function mark(row, name, is) {
  if (is) row.setAttribute(name, "true");
  else row.removeAttribute(name);
}
