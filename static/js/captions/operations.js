// What can be done to a list of captions. Each function takes a list and returns a new one, so the
// former stands for undo; captions keep their id through every change, whatever their place.

import { exact } from "./times.js";

export const SHORTEST = 0.1; // seconds; nothing here makes a caption shorter
export const LATEST = 100 * 3600;
const NEW = 2; // seconds that a new caption lasts where there is room

/** Something that cannot be done; `code` says why, for a sentence. */
export class Refused extends Error {
  constructor(code, values = {}) {
    super(code);
    this.code = code;
    this.values = values;
  }
}

export function ordered(list) {
  return [...list].sort((one, other) => one.start - other.start || one.end - other.end);
}

export function place(list, id) {
  return list.findIndex((caption) => caption.id === id);
}

function known(list, id) {
  const index = place(list, id);
  if (index < 0) throw new Refused("none");
  return index;
}

function changed(list, id, values) {
  const index = known(list, id);
  return list.with ? list.with(index, { ...list[index], ...values }) : copied(list, index, values);
}

function copied(list, index, values) {
  const copy = [...list];
  copy[index] = { ...list[index], ...values };
  return copy;
}

export function worded(list, id, text) {
  return changed(list, id, { text });
}

/** Both times at once, as dragging has them: kept in bounds and apart. */
export function timed(list, id, start, end) {
  const from = exact(Math.min(Math.max(start, 0), LATEST - SHORTEST));
  const to = exact(Math.min(Math.max(end, from + SHORTEST), LATEST));
  return ordered(changed(list, id, { start: from, end: to }));
}

/** A new start; one that is not before the end takes the whole caption along. */
export function started(list, id, start) {
  const { start: former, end } = list[known(list, id)];
  const length = end - former;
  return timed(list, id, start, start < end ? Math.max(end, start + SHORTEST) : start + length);
}

/** A new end; one that is not after the start takes the whole caption along. */
export function ended(list, id, end) {
  const { start, end: former } = list[known(list, id)];
  if (end <= 0) throw new Refused("before-zero");
  const length = former - start;
  return timed(list, id, end > start ? Math.min(start, end - SHORTEST) : end - length, end);
}

/** Cut one in two: its words at `cursor` (an index into the text), its time at `at` (seconds).
 *
 * What is not given follows from the other by proportion, words at the nearest space.
 */
export function split(list, id, newId, { at = null, cursor = null } = {}) {
  const index = known(list, id);
  const { start, end, text } = list[index];
  if (end - start < 2 * SHORTEST) throw new Refused("too-short");
  if (at !== null && (at < start + SHORTEST || at > end - SHORTEST)) throw new Refused("outside");
  const cut = cursor ?? gap(text, (at - start) / (end - start));
  const share = text.length ? cut / text.length : 0.5;
  const guess = at ?? start + (end - start) * share;
  const time = exact(Math.min(Math.max(guess, start + SHORTEST), end - SHORTEST));
  const halves = [
    { ...list[index], end: time, text: text.slice(0, cut).trim() },
    { id: newId, start: time, end, text: text.slice(cut).trim() },
  ];
  return ordered([...list.slice(0, index), ...halves, ...list.slice(index + 1)]);
}

/** The space nearest to a share of the text, or the end of it where there is none. */
function gap(text, share) {
  const wanted = text.length * share;
  const spaces = [...text.matchAll(/\s+/gu)].map((match) => match.index);
  const distance = (place) => Math.abs(place - wanted);
  return spaces.reduce((best, one) => (distance(one) < distance(best) ? one : best), text.length);
}

/** Make one of a caption and the one after it. */
export function merged(list, id) {
  const index = known(list, id);
  const [one, next] = list.slice(index, index + 2);
  if (!next) throw new Refused("last");
  const lines = `${one.text}${next.text}`.includes("\n") || /^[-–—]\s/u.test(next.text);
  const text = [one.text, next.text].filter((part) => part.trim()).join(lines ? "\n" : " ");
  const both = { ...one, end: Math.max(one.end, next.end), text };
  return [...list.slice(0, index), both, ...list.slice(index + 2)];
}

export function removed(list, id) {
  const index = known(list, id);
  return [...list.slice(0, index), ...list.slice(index + 1)];
}

/** Put an empty caption where `at` is, shorter where the next one begins soon. */
export function inserted(list, newId, at) {
  const start = exact(Math.min(Math.max(at, 0), LATEST - NEW));
  const next = list.find((caption) => caption.start > start);
  const room = next ? next.start - start : NEW;
  const end = exact(start + (room >= 5 * SHORTEST ? Math.min(room, NEW) : NEW));
  return ordered([...list, { id: newId, start, end, text: "" }]);
}

/** Move all captions, or those from one on, by seconds; nothing may begin before zero. */
export function shifted(list, by, from = null) {
  const first = from === null ? 0 : known(list, from);
  const moving = list.slice(first);
  if (!moving.length) throw new Refused("none");
  if (moving[0].start + by < -0.0005) throw new Refused("before-zero", { most: moving[0].start });
  if (Math.max(...moving.map((caption) => caption.end)) + by > LATEST) throw new Refused("too-late");
  const moved = moving.map((caption) => ({
    ...caption,
    start: exact(Math.max(caption.start + by, 0)),
    end: exact(caption.end + by),
  }));
  return ordered([...list.slice(0, first), ...moved]);
}

function pattern(needle, { exactCase = false } = {}) {
  return new RegExp(needle.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"), exactCase ? "gu" : "giu");
}

/** Where words stand: [{id, at, length}] in order. */
export function found(list, needle, options) {
  if (!needle) return [];
  const looked = pattern(needle, options);
  return list.flatMap(({ id, text }) =>
    [...text.matchAll(looked)].map((match) => ({ id, at: match.index, length: match[0].length })),
  );
}

/** Replace words everywhere. */
export function replacedAll(list, needle, by, options) {
  if (!needle) return list;
  const looked = pattern(needle, options);
  return list.map((caption) => {
    const text = caption.text.replace(looked, () => by);
    return text === caption.text ? caption : { ...caption, text };
  });
}

/** Replace words in the one place that `found` told. */
export function replacedAt(list, { id, at, length }, by) {
  const { text } = list[known(list, id)];
  return worded(list, id, text.slice(0, at) + by + text.slice(at + length));
}
