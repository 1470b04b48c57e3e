// "Select all" and a count for lists of tick boxes; buttons wait until something is ticked.

const form = document.querySelector("[data-selection]");

if (form) {
  const boxes = [...form.querySelectorAll("input[name=recordings]")];
  const all = form.querySelector("[data-select-all]");
  const every = all.querySelector("input");
  const count = form.querySelector("[data-selected]");

  const show = () => {
    const ticked = boxes.filter((box) => box.checked).length;
    every.checked = ticked === boxes.length;
    every.indeterminate = ticked > 0 && ticked < boxes.length;
    count.textContent = ticked ? `${ticked} ${count.dataset.words}` : "";
    for (const button of form.querySelectorAll("[data-needs-selection]")) button.disabled = !ticked;
  };

  all.hidden = false;
  every.addEventListener("change", () => {
    for (const box of boxes) box.checked = every.checked;
    show();
  });
  form.addEventListener("change", show);
  window.addEventListener("pageshow", show); // the browser may bring ticks back
  show();
}
