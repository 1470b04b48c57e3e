// The captions over the picture while they are edited, in their style: what burning in will give,
// as near as a browser comes to it.

// Burning in measures a font by the height of its lines, a browser by that of its letters: Noto Sans.
const LINE = 1.362;

export class Preview {
  /** `stage` holds the player and, over it, `layer`. */
  constructor({ stage, layer, player }) {
    this.layer = layer;
    this.player = player;
    this.words = "";
    new ResizeObserver(() => this.place()).observe(stage);
    player.addEventListener("loadedmetadata", () => this.place());
  }

  /** Show these captions, all at once where they overlap. */
  show(captions) {
    const words = captions.map((caption) => caption.text.trim()).filter(Boolean);
    if (words.join("\0") === this.words) return;
    this.words = words.join("\0");
    this.layer.replaceChildren(...words.map(paragraph));
  }

  dress(style) {
    this.style = style;
    this.place();
  }

  /** Where the picture is within the player, black bars aside. */
  #picture() {
    const { clientWidth, clientHeight, videoWidth, videoHeight } = this.player;
    const { parentElement: stage } = this.layer;
    if (!videoWidth) {
      const below = this.player.matches("audio") ? clientHeight : 0;
      return { left: 0, top: 0, width: stage.clientWidth, height: stage.clientHeight - below };
    }
    const scale = Math.min(clientWidth / videoWidth, clientHeight / videoHeight);
    const [width, height] = [videoWidth * scale, videoHeight * scale];
    return { left: (clientWidth - width) / 2, top: (clientHeight - height) / 2, width, height };
  }

  /** Sizes are percents of the picture's height. */
  place() {
    if (!this.style) return;
    const { left, top, width, height } = this.#picture();
    const share = (percent) => `${(height * percent) / 100}px`;
    const { style } = this;
    const margin = style.position === "middle" ? "0" : share(style.margin);
    Object.assign(this.layer.style, {
      left: `${left}px`,
      top: `${top}px`,
      width: `${width}px`,
      height: `${height}px`,
      justifyContent: { top: "flex-start", middle: "center", bottom: "flex-end" }[style.position],
      paddingBlock: margin,
      fontSize: share(style.font_size / LINE),
      color: style.color,
    });
    this.layer.style.setProperty("--outline", share(2 * style.outline)); // half of it lies inside
    this.layer.style.setProperty("--outline-color", style.outline_color);
    const box = style.box ? shade(style.box_color, style.box_opacity) : "transparent";
    this.layer.style.setProperty("--box", box);
    this.layer.style.setProperty("--padding", share(style.box ? 1 : 0));
  }
}

function paragraph(text) {
  const outer = document.createElement("p");
  const inner = document.createElement("span");
  inner.textContent = text;
  inner.dir = "auto";
  outer.append(inner);
  return outer;
}

/** #rrggbb with an opacity in percent. */
function shade(color, percent) {
  const byte = Math.round((Math.min(Math.max(percent, 0), 100) / 100) * 255);
  return `${color}${byte.toString(16).padStart(2, "0")}`;
}
