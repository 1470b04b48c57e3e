// The sound of a session, which takes the site a moment to make.

import { ask, Unreachable } from "./site.js";
import { say } from "./words.js";

const FIRST = 2000; // ms
const SELDOM = 15_000;

/** Ask until the waveform is there, or it is known that it will not be. */
export async function watchSound({ data, session, waveform, said }) {
  let known = data;
  for (let wait = FIRST; known.waveform === "making"; wait = Math.min(wait * 1.5, SELDOM)) {
    said.textContent = say("wave-making");
    await new Promise((done) => setTimeout(done, wait));
    if (session.ended) return;
    known = (await asked(session.address)) ?? known;
  }
  said.textContent = say(`wave-${known.waveform}`);
  if (known.waveform !== "ready") return;
  const peaks = await asked(`${session.address}/waveform`);
  if (peaks) waveform.peaks = peaks;
  else said.textContent = say("wave-failed");
}

async function asked(address) {
  try {
    const { ok, data } = await ask("GET", address);
    return ok ? data : null;
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    return null;
  }
}
