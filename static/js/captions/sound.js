// The sound of a session, which takes the site a moment to make.

import { ask, Unreachable } from "./site.js";
import { say } from "./words.js";

const FIRST = 2000; // ms
const SELDOM = 15_000;

/** Ask until the waveform is there, or it is known that it will not be; then offer to try again. */
export async function watchSound({ data, session, waveform, root }) {
  const said = root.querySelector("[data-wave-said]");
  const again = root.querySelector("[data-wave-again]");
  const known = await settled({ data, session, said });
  if (!known) return;
  const peaks = known.waveform === "ready" ? await asked("GET", `${session.address}/waveform`) : null;
  if (peaks) waveform.peaks = peaks;
  const failed = !peaks && known.waveform !== "none";
  const why = known.audio_error;
  if (failed) said.textContent = why ? say("wave-refused", { why }) : say("wave-failed");
  else said.textContent = say(`wave-${known.waveform}`);
  again.hidden = !failed;
  if (!failed) return;
  again.addEventListener("click", () => askedAnew({ known, session, waveform, root }), { once: true });
}

async function askedAnew({ known, session, waveform, root }) {
  root.querySelector("[data-wave-again]").hidden = true;
  root.querySelector("[data-wave-said]").textContent = say("wave-making");
  const data = (await asked("POST", `${session.address}/waveform`)) ?? known;
  await watchSound({ data, session, waveform, root });
}

/** What the site says of the session once its sound is made or given up; nothing when it ended. */
async function settled({ data, session, said }) {
  let known = data;
  for (let wait = FIRST; known.waveform === "making"; wait = Math.min(wait * 1.5, SELDOM)) {
    said.textContent = say("wave-making");
    await new Promise((done) => setTimeout(done, wait));
    if (session.ended) return null;
    known = (await asked("GET", session.address)) ?? known;
  }
  return known;
}

async function asked(method, address) {
  try {
    const { ok, data } = await ask(method, address);
    return ok ? data : null;
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    return null;
  }
}
