// The preview of the thumbnail editor: the picture as the site will cut it, the title as it will
// write it. What counts is in the form's fields; the server does the same with them.

const form = document.querySelector("[data-thumbnail]");

if (form) {
  const stage = form.querySelector("[data-preview]");
  const picture = form.querySelector("[data-picture]");
  const lettering = form.querySelector("[data-title]");
  const said = form.querySelector("[data-said]");
  const file = form.elements.image;
  const { x, y, zoom, title, seconds } = form.elements;
  const now = form.querySelector("[data-now]");
  const player = document.querySelector("video[data-player]");
  const sliders = form.querySelector(".thumb-sliders"); // of use once there is a preview
  const held = {}; // object URLs by use, let go when replaced

  const clamp = (value, least, most) => Math.min(Math.max(value, least), most);

  const hold = (use, blob) => {
    if (held[use]) URL.revokeObjectURL(held[use]);
    held[use] = URL.createObjectURL(blob);
    return held[use];
  };

  // How many pixels of the stage one pixel of the picture takes.
  const scale = () =>
    Math.max(stage.clientWidth / picture.naturalWidth, stage.clientHeight / picture.naturalHeight) *
    Number(zoom.value);

  const place = () => {
    stage.classList.toggle("zoomed", Number(zoom.value) > 1);
    if (stage.hidden || !picture.naturalWidth) return;
    const each = scale();
    const width = picture.naturalWidth * each;
    const height = picture.naturalHeight * each;
    const left = clamp(Number(x.value) * width - stage.clientWidth / 2, 0, width - stage.clientWidth);
    const top = clamp(Number(y.value) * height - stage.clientHeight / 2, 0, height - stage.clientHeight);
    picture.style.width = `${width}px`;
    picture.style.height = `${height}px`;
    picture.style.transform = `translate(${-left}px, ${-top}px)`;
  };

  const show = (address) => {
    said.textContent = "";
    stage.hidden = sliders.hidden = false;
    picture.src = address;
  };

  const showSource = () => {
    const source = form.querySelector("input[name=source]:checked");
    if (!source) return;
    if (source.value === "image") {
      if (file.files.length) show(hold("picture", file.files[0]));
    } else if (source.value === "frame") {
      show(`${form.dataset.frameUrl}?t=${encodeURIComponent(seconds.value || 0)}`);
    } else {
      show(source.dataset.src);
    }
  };

  const choose = (value) => {
    const source = form.querySelector(`input[name=source][value="${value}"]`);
    if (source) source.checked = true;
    showSource();
  };

  sliders.hidden = true;

  let asked;
  const writeTitle = async () => {
    asked?.abort();
    const words = title.value.trim();
    if (!words) {
      lettering.hidden = true;
      said.textContent = "";
      return;
    }
    asked = new AbortController();
    try {
      const address = `${form.dataset.titleUrl}?text=${encodeURIComponent(words)}`;
      const answer = await fetch(address, { signal: asked.signal });
      if (answer.ok) {
        lettering.src = hold("title", await answer.blob());
        lettering.hidden = false;
        said.textContent = "";
      } else {
        said.textContent = (await answer.json()).detail;
      }
    } catch (error) {
      if (error.name !== "AbortError") said.textContent = error.message;
    }
  };

  let waiting;
  title.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(writeTitle, 250);
  });
  for (const slider of [x, y, zoom]) slider.addEventListener("input", place);
  file.addEventListener("change", () => choose("image"));
  seconds?.addEventListener("change", () => choose("frame"));
  form.addEventListener("change", (event) => {
    if (event.target.name === "source") showSource();
  });
  picture.addEventListener("load", place);
  picture.addEventListener("error", () => {
    said.textContent = form.dataset.unreadable;
    stage.hidden = true;
  });
  form.closest("details").addEventListener("toggle", showSource);
  window.addEventListener("resize", place);

  if (player && seconds) {
    now.hidden = false;
    now.addEventListener("click", () => {
      seconds.value = player.currentTime.toFixed(1);
      choose("frame");
    });
  }

  // Dragging moves the middle of what is kept; the sliders do the same for the keyboard.
  stage.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    stage.setPointerCapture(event.pointerId);
    const start = { px: event.clientX, py: event.clientY, x: Number(x.value), y: Number(y.value) };
    const move = (moved) => {
      const each = scale();
      const half = {
        x: stage.clientWidth / 2 / (picture.naturalWidth * each),
        y: stage.clientHeight / 2 / (picture.naturalHeight * each),
      };
      const to = (from, by, side, share) => clamp(from - by / (side * each), share, 1 - share);
      x.value = to(clamp(start.x, half.x, 1 - half.x), moved.clientX - start.px, picture.naturalWidth, half.x);
      y.value = to(clamp(start.y, half.y, 1 - half.y), moved.clientY - start.py, picture.naturalHeight, half.y);
      place();
    };
    stage.addEventListener("pointermove", move);
    const end = () => stage.removeEventListener("pointermove", move);
    stage.addEventListener("pointerup", end, { once: true });
    stage.addEventListener("pointercancel", end, { once: true });
  });

  // A wheel alone scrolls the page; with Ctrl, which is what pinching a touchpad sends, it zooms.
  stage.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      zoom.value = Number(zoom.value) * (event.deltaY < 0 ? 1.1 : 1 / 1.1);
      place();
    },
    { passive: false },
  );

  // A form that was refused comes open and filled in, at the address it was sent to. The page takes
  // its own again: loading it anew, as the end of processing does, must not send the form once more.
  if (form.closest("details").open) {
    history.replaceState(null, "", form.dataset.page);
    showSource();
    writeTitle();
  }
}
