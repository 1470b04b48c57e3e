// The player as the editor needs it: where it is, moved, played for one caption.

export class Player {
  #until = null; // where playing stops by itself

  /** `moved(time)` is called for every picture while it plays, and after every seek. */
  constructor(media, moved) {
    this.media = media;
    this.moved = moved;
    const tell = () => this.#tell();
    for (const name of ["seeking", "seeked", "pause", "loadedmetadata"]) media.addEventListener(name, tell);
    media.addEventListener("play", () => this.#follow());
  }

  get time() {
    return this.media.currentTime;
  }

  get playing() {
    return !this.media.paused && !this.media.ended;
  }

  get duration() {
    return Number.isFinite(this.media.duration) ? this.media.duration : 0;
  }

  seek(seconds) {
    this.#until = null;
    const most = this.duration || Infinity;
    this.media.currentTime = Math.min(Math.max(seconds, 0), most);
    this.#tell();
  }

  toggle() {
    if (this.playing) this.media.pause();
    else this.play();
  }

  play() {
    this.#until = null;
    this.media.play().catch(() => {}); // refused without a gesture, or nothing to play
  }

  /** Play from one moment to another. */
  passage(start, end) {
    this.seek(start);
    this.play();
    this.#until = end;
  }

  #follow() {
    if (!this.playing) return;
    this.#tell();
    requestAnimationFrame(() => this.#follow());
  }

  #tell() {
    if (this.#until !== null && this.time >= this.#until) {
      this.media.pause();
      this.#until = null;
    }
    this.moved(this.time);
  }
}
