// The processing box polls by itself (htmx); this reads changes aloud once and shows the end.

const said = document.querySelector("[data-job-said]");

document.body.addEventListener("htmx:afterSettle", () => {
  const words = document.getElementById("job")?.dataset.said ?? "";
  if (said && said.textContent !== words) said.textContent = words;
});

// The page is loaded anew with player and files, unless somebody is watching the former version.
document.body.addEventListener("job-ended", () => {
  const player = document.querySelector("[data-player]");
  if (!player || player.paused) window.location.reload();
});
