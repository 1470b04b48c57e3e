// The form of the captions' style: fields named as the site names the values.

export class StyleForm {
  /** `changed(values)` hears what was set, in the site's types. */
  constructor({ form, changed }) {
    this.form = form;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", ({ target }) => {
      const values = this.read(target);
      if (values) changed(values);
      this.#explain();
    });
  }

  read(field) {
    if (!field.name || !field.validity.valid) return null;
    if (field.type === "checkbox") return { [field.name]: field.checked };
    const number = field.type === "range" || field.type === "number";
    return { [field.name]: number ? Number(field.value) : field.value };
  }

  show(style) {
    for (const [name, value] of Object.entries(style)) {
      const field = this.form.elements[name];
      if (!field || field === document.activeElement) continue;
      if (field.type === "checkbox") field.checked = value;
      else field.value = value;
    }
    this.#explain();
  }

  /** Numbers beside sliders, and only what has an effect can be set. */
  #explain() {
    for (const output of this.form.querySelectorAll("output")) {
      const field = this.form.elements[output.dataset.of];
      output.textContent = `${Number(field.value)}\u00a0%`;
    }
    const { box, position, margin, box_color: color, box_opacity: opacity } = this.form.elements;
    color.disabled = opacity.disabled = !box.checked;
    margin.disabled = position.value === "middle";
  }
}
