// The captions of this page as a file, made here: for when the site no longer takes them.

import { clock } from "./times.js";

export function srt(captions) {
  const stamp = (seconds) => clock(seconds).replace(".", ",");
  const cues = captions
    .map(({ text, ...times }) => ({ ...times, text: text.replace(/\n\s*(?=\n|$)/gu, "").trim() }))
    .filter(({ text }) => text)
    .map(({ start, end, text }, index) => {
      const words = text.replaceAll("-->", "→").replaceAll("\n", "\r\n");
      return `${index + 1}\r\n${stamp(start)} --> ${stamp(end)}\r\n${words}\r\n`;
    });
  return cues.join("\r\n");
}

/** Hand a text to the browser as a download. */
export function keep(text, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/x-subrip" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
