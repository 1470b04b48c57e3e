// What a reader would stumble over: told beside the caption, never refused.

export const SHORT = 0.7; // seconds; less is gone before it is noticed
export const FAST = 21; // characters a second; more is hardly read

/** Letters a reader sees, marks and breaks aside: Bengali and Hindi write vowels as marks. */
export function length(text) {
  return [...text.replace(/[\p{M}\n]/gu, "")].length;
}

const lengths = new WeakMap(); // a caption is never changed, so it is counted once

export function speed(caption) {
  if (!lengths.has(caption)) lengths.set(caption, length(caption.text));
  return lengths.get(caption) / (caption.end - caption.start);
}

/** For each caption its problems: [{code, value}], none most of the time. `duration` may be null. */
export function problems(captions, duration = null) {
  let reached = -1; // where the captions before this one end
  return captions.map((caption, index) => {
    const found = [];
    const next = captions[index + 1];
    if (!caption.text.trim()) found.push({ code: "blank" });
    if (next && next.start < caption.end - 0.0005) {
      found.push({ code: "overlap-next", value: caption.end - next.start });
    }
    if (caption.start < reached - 0.0005) {
      found.push({ code: "overlap-former", value: reached - caption.start });
    }
    if (caption.end - caption.start < SHORT) {
      found.push({ code: "short", value: caption.end - caption.start });
    }
    if (speed(caption) > FAST) found.push({ code: "fast", value: speed(caption) });
    if (duration !== null && caption.end > duration + 0.5) found.push({ code: "late" });
    reached = Math.max(reached, caption.end);
    return found;
  });
}
