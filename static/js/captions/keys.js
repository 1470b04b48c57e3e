// The keyboard, for the whole page. A key is what it writes, and where that is no Latin letter what it
// would be on an English keyboard, so that these work with a Cyrillic or Bengali layout too.

const WRITING = "textarea, select, input:not([type=checkbox], [type=radio], [type=range], [type=color])";
const PRESSED = "button, summary, a, input, select, video, audio"; // they take Space themselves

/** `acts` are the editor's, by name; `of(element)` tells the caption that a field belongs to. */
export function listen({ acts, of, search }) {
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    const act = chosen(event, { acts, of, search });
    if (!act) return;
    event.preventDefault();
    act();
  });
}

export function chosen(event, { acts, of, search }) {
  const { code, key, shiftKey: shift, altKey: alt } = event;
  const control = (event.ctrlKey || event.metaKey) && !alt;
  if (alt && !event.ctrlKey && !event.metaKey && !event.target.closest("select")) {
    return { ArrowUp: acts.former, ArrowDown: acts.next }[key];
  }
  if (control) return withControl({ code, key, shift, event }, { acts, of, search });
  if (key === "Escape" && of(event.target) !== null) return acts.leave;
  if (key === " " && !event.target.closest(`${WRITING}, ${PRESSED}`)) return acts.toggle;
  return null;
}

function withControl({ code, key, shift, event }, { acts, of, search }) {
  const inside = of(event.target) !== null;
  const elsewhere = !inside && event.target.closest(WRITING); // has an undo of its own
  const letters = {
    z: elsewhere ? null : shift ? acts.redo : acts.undo,
    y: elsewhere || shift ? null : acts.redo,
    j: shift ? null : acts.merge,
    s: shift ? null : acts.save,
    f: shift || event.target.closest("[data-search]") ? null : search,
    "[": shift ? null : acts["start-here"],
    "]": shift ? null : acts["end-here"],
    " ": acts.toggle,
  };
  const letter = latin(key, code);
  if (letter in letters) return letters[letter];
  if (!inside) return null;
  if (key === "Enter") return shift ? acts["insert-after"] : acts["split-cursor"];
  return key === "Backspace" && shift ? acts.remove : null;
}

function latin(key, code) {
  if (/^[a-z[\] ]$/i.test(key)) return key.toLowerCase();
  const there = { BracketLeft: "[", BracketRight: "]", Space: " " };
  return there[code] ?? code.replace(/^Key/, "").toLowerCase();
}
