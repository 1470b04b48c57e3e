// Seeking by a click on the transcript or a topic, and the transcript following the playback.
// Without this module the links load the page anew at that moment.

const player = document.querySelector("[data-player]");
const transcript = document.querySelector("[data-transcript]");
const segments = transcript ? [...transcript.children] : [];
const starts = segments.map((segment) => Number(segment.dataset.start));
let current = -1;

/** The last segment that has begun by then, or -1. */
function at(time) {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (starts[middle] <= time + 0.01) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function follow() {
  const index = at(player.currentTime);
  if (index === current) return;
  segments[current]?.removeAttribute("aria-current");
  current = index;
  const segment = segments[current];
  if (!segment) return;
  segment.setAttribute("aria-current", "true");
  // Only the list scrolls, never the page, and not under the hands of someone who reads ahead.
  if (!transcript.matches(":hover") && !transcript.contains(document.activeElement)) {
    transcript.scrollTop = segment.offsetTop - transcript.clientHeight / 3;
  }
}

function seek(event) {
  const link = event.target.closest("[data-seek]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  player.currentTime = Number(link.dataset.seek);
  player.play().catch(() => {}); // refused when the browser wants another gesture; the seek stands
}

if (player) {
  document.addEventListener("click", seek);
  if (segments.length) player.addEventListener("timeupdate", follow);
}
