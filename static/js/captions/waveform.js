// The sound as a picture, with the captions on it. A click seeks, an edge can be dragged, dragging
// elsewhere moves the part that is shown; keys do the same, and the slider below shows what is where.

import { SHORTEST } from "./operations.js";
import { brief, clock } from "./times.js";
import { say } from "./words.js";

const CLOSEST = 2; // seconds across, at most zoomed in
const USUAL = 20;
const NEAR = { mouse: 6, pen: 8, touch: 16 }; // pixels from an edge that still mean it
const MOVED = 4; // pixels; less is a click
const TICKS = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 600, 1800, 3600];
const RULER = 18; // pixels, above
const WORDS = 18; // pixels, below
const QUIET = 24; // of 255; what is never louder is shown small

export class Waveform {
  #frame = 0;
  #colors = null;
  #peaks = null;
  #loudest = QUIET;

  /** `on` hears seek(seconds), choose(id) and drag(id, start, end, run). */
  constructor({ root, on }) {
    this.on = on;
    this.slider = root.querySelector("[data-wave]");
    this.canvas = root.querySelector("canvas");
    this.scroll = root.querySelector("[data-wave-scroll]");
    this.captions = [];
    this.current = null;
    this.time = 0;
    this.duration = 0;
    this.start = 0; // what is shown, in seconds
    this.span = USUAL;
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#colors = null;
      this.draw();
    });
    document.fonts.addEventListener("loadingdone", () => this.draw());
    this.#watch(root);
  }

  set peaks(found) {
    this.#peaks = found;
    this.#loudest = found.peaks.reduce((most, peak) => Math.max(most, peak), QUIET);
    this.lasts(found.duration);
    this.draw();
  }

  /** How long it all is: the longest that is known. */
  lasts(seconds) {
    if (!(seconds > this.duration)) return;
    this.duration = seconds;
    this.slider.setAttribute("aria-valuemax", seconds.toFixed(1));
    this.show(this.start, this.span);
  }

  list(captions, current) {
    this.captions = captions;
    this.current = current;
    this.lasts(captions.reduce((end, caption) => Math.max(end, caption.end), 0));
    this.draw();
  }

  /** Put the playhead somewhere, and keep it in sight. */
  at(time, { follow = true } = {}) {
    this.time = time;
    this.slider.setAttribute("aria-valuenow", time.toFixed(1));
    this.slider.setAttribute("aria-valuetext", brief(time));
    const outside = time < this.start || time > this.start + this.span * 0.95;
    if (follow && !this.drag && outside) this.show(time - this.span * 0.1, this.span);
    else this.draw();
  }

  show(start, span) {
    const whole = Math.max(this.duration, CLOSEST);
    this.span = Math.min(Math.max(span, CLOSEST), whole);
    this.start = Math.min(Math.max(start, 0), Math.max(whole - this.span, 0));
    this.scroll.max = Math.max(whole - this.span, 0).toFixed(2);
    this.scroll.step = Math.max(this.span / 20, 0.05).toFixed(2);
    this.scroll.value = this.start;
    const said = { start: brief(this.start), end: brief(this.start + this.span) };
    this.scroll.setAttribute("aria-valuetext", say("shown", said));
    this.scroll.disabled = this.span >= whole;
    this.draw();
  }

  /** Show more or less around a moment, which stays where it is in the picture. */
  zoom(factor, around = this.time) {
    const held = around >= this.start && around <= this.start + this.span;
    const middle = held ? around : this.start + this.span / 2;
    const share = (middle - this.start) / this.span;
    const span = Math.min(Math.max(this.span * factor, CLOSEST), this.duration || CLOSEST);
    this.show(middle - share * span, span);
  }

  whole() {
    this.show(0, this.duration);
  }

  draw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#paint();
    });
  }

  #x(seconds) {
    return ((seconds - this.start) / this.span) * this.canvas.clientWidth;
  }

  #seconds(x) {
    return this.start + (x / this.canvas.clientWidth) * this.span;
  }

  #inSight() {
    const end = this.start + this.span;
    return this.captions.filter((one) => one.end >= this.start && one.start <= end);
  }

  #paint() {
    const { canvas } = this;
    const scale = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width || !height) return;
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    this.#colors ??= colors(canvas);
    this.#paintCaptions(pen, height);
    if (this.#peaks) this.#paintSound(pen, width, height);
    this.#paintRuler(pen, height);
    pen.fillStyle = this.#colors.head;
    pen.fillRect(this.#x(this.time) - 1, 0, 2, height);
  }

  #paintSound(pen, width, height) {
    const { per_second: rate, peaks } = this.#peaks;
    const most = (height - RULER - WORDS) / 2;
    const middle = RULER + most;
    pen.fillStyle = this.#colors.sound;
    for (let x = 0; x < width; x += 1) {
      const first = Math.floor(this.#seconds(x) * rate);
      const last = Math.min(Math.max(Math.ceil(this.#seconds(x + 1) * rate), first + 1), peaks.length);
      let peak = 0;
      for (let at = first; at < last; at += 1) peak = Math.max(peak, peaks[at]);
      const half = Math.max((peak / this.#loudest) * most, 0.5);
      pen.fillRect(x, middle - half, 1, half * 2);
    }
  }

  #paintCaptions(pen, height) {
    pen.font = '12px system-ui, sans-serif, "Captions"';
    pen.textBaseline = "bottom";
    for (const { id, start, end, text } of this.#inSight()) {
      const [left, right] = [this.#x(start), this.#x(end)];
      const chosen = id === this.current;
      pen.fillStyle = chosen ? this.#colors.chosen : this.#colors.caption;
      pen.fillRect(left, RULER, right - left, height - RULER);
      pen.fillStyle = this.#colors.edge;
      const edge = chosen ? 3 : 1;
      pen.fillRect(left, RULER, edge, height - RULER);
      pen.fillRect(right - edge, RULER, edge, height - RULER);
      if (right - left > 30) this.#letter(pen, text.replaceAll("\n", " "), left, right, height);
    }
  }

  #letter(pen, text, left, right, height) {
    pen.save();
    pen.beginPath();
    pen.rect(left + 4, RULER, right - left - 8, height - RULER);
    pen.clip();
    pen.fillStyle = this.#colors.text;
    pen.fillText(text.slice(0, 200), Math.max(left, 0) + 5, height - 3);
    pen.restore();
  }

  #paintRuler(pen, height) {
    const step = TICKS.find((one) => (one / this.span) * this.canvas.clientWidth > 60) ?? 7200;
    pen.font = "11px system-ui, sans-serif";
    pen.textBaseline = "top";
    pen.fillStyle = this.#colors.text;
    const first = Math.ceil(this.start / step);
    for (let at = first; at * step <= this.start + this.span; at += 1) {
      const x = this.#x(at * step);
      pen.fillRect(x, 0, 1, RULER - 4);
      pen.fillText(step < 1 ? clock(at * step).slice(3, -2) : brief(at * step + 0.001), x + 4, 2);
    }
    pen.fillRect(0, height - 1, this.canvas.clientWidth, 1);
  }

  #watch(root) {
    this.scroll.addEventListener("input", () => this.show(Number(this.scroll.value), this.span));
    root.querySelector("[data-zoom-in]").addEventListener("click", () => this.zoom(0.5));
    root.querySelector("[data-zoom-out]").addEventListener("click", () => this.zoom(2));
    root.querySelector("[data-zoom-whole]").addEventListener("click", () => this.whole());
    this.slider.addEventListener("keydown", (event) => this.#key(event));
    this.canvas.addEventListener("pointerdown", (event) => this.#press(event));
    this.canvas.addEventListener("pointermove", (event) => this.#move(event));
    this.canvas.addEventListener("pointerup", (event) => this.#lift(event));
    this.canvas.addEventListener("pointercancel", () => {
      this.drag = null;
    });
    // A wheel alone scrolls the page; sideways it moves the picture, with Ctrl it zooms.
    this.canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
  }

  #wheel(event) {
    const sideways = event.shiftKey ? event.deltaY : event.deltaX;
    if (event.ctrlKey) this.zoom(event.deltaY < 0 ? 0.8 : 1.25, this.#seconds(event.offsetX));
    else if (sideways) this.show(this.start + (sideways / this.canvas.clientWidth) * this.span, this.span);
    else return;
    event.preventDefault();
  }

  #key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const step = event.shiftKey ? 0.1 : 1;
    const acts = {
      ArrowLeft: () => this.on.seek(this.time - step),
      ArrowRight: () => this.on.seek(this.time + step),
      PageUp: () => this.on.seek(this.time - 10),
      PageDown: () => this.on.seek(this.time + 10),
      Home: () => this.on.seek(0),
      End: () => this.on.seek(this.duration),
      "+": () => this.zoom(0.5),
      "-": () => this.zoom(2),
      0: () => this.whole(),
    };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  }

  /** The edge under the pointer: {id, edge}, those of the current caption first. */
  #edge(event) {
    const near = NEAR[event.pointerType] ?? NEAR.mouse;
    const seen = this.#inSight().sort((one, other) => (other.id === this.current) - (one.id === this.current));
    for (const { id, start, end } of seen) {
      const [left, right] = [this.#x(start), this.#x(end)].map((x) => Math.abs(event.offsetX - x));
      if (Math.min(left, right) <= near) return { id, edge: left < right ? "start" : "end" };
    }
    return null;
  }

  #press(event) {
    if (event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    const edge = this.locked ? null : this.#edge(event);
    if (edge) this.on.choose(edge.id);
    this.drag = { ...edge, x: event.offsetX, from: this.start, run: event.timeStamp, moved: false };
  }

  #move(event) {
    const { drag } = this;
    if (!drag) {
      const over = !this.locked && event.pointerType === "mouse" && this.#edge(event);
      this.canvas.style.cursor = over ? "ew-resize" : "";
      return;
    }
    const by = event.offsetX - drag.x;
    drag.moved ||= Math.abs(by) > MOVED;
    if (!drag.moved) return;
    if (drag.id === undefined) this.show(drag.from - (by / this.canvas.clientWidth) * this.span, this.span);
    else this.#pull(drag, this.#seconds(event.offsetX), event.altKey);
  }

  /** Move an edge; it catches on the playhead and on the neighbours unless Alt is held. */
  #pull({ id, edge, run }, wanted, free) {
    const caption = this.captions.find((one) => one.id === id);
    if (!caption) return;
    const stops = [this.time, ...this.#inSight().flatMap((one) => (one.id === id ? [] : [one.start, one.end]))];
    const reach = (5 / this.canvas.clientWidth) * this.span;
    const at = (!free && stops.find((stop) => Math.abs(stop - wanted) < reach)) || wanted;
    if (edge === "start") this.on.drag(id, Math.min(at, caption.end - SHORTEST), caption.end, run);
    else this.on.drag(id, caption.start, Math.max(at, caption.start + SHORTEST), run);
  }

  #lift(event) {
    const { drag } = this;
    this.drag = null;
    if (!drag || drag.moved) return;
    const time = this.#seconds(event.offsetX);
    const under = this.#inSight().find((one) => one.start <= time && time < one.end);
    if (under) this.on.choose(under.id);
    if (drag.id === undefined) this.on.seek(time);
  }
}

/** Colours are the style sheet's, so that light and dark follow it. */
function colors(canvas) {
  const style = getComputedStyle(canvas);
  const names = ["sound", "caption", "chosen", "edge", "text", "head"];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--wave-${name}`)]));
}
