// The list refreshes itself (htmx); this reads aloud what has changed in it, and nothing twice.

const said = document.querySelector("[data-imports-said]");

const sentences = () =>
  new Map([...document.querySelectorAll("[data-import]")].map((row) => [row.dataset.import, row.dataset.said]));

let before = sentences();

document.body.addEventListener("htmx:afterSettle", () => {
  const now = sentences();
  const changed = [...now].filter(([id, words]) => before.get(id) !== words).map(([, words]) => words);
  before = now;
  if (said && changed.length) said.textContent = changed.join(" ");
});
