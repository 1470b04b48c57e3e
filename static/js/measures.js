// Sizes, times and speeds in words.

const locale = document.documentElement.lang || undefined;
const UNITS = ["bytes", "KB", "MB", "GB", "TB"]; // as the server writes them
const WINDOW = 15000; // milliseconds that a speed is taken over

export function size(bytes) {
  const power = Math.min(Math.floor(Math.log(Math.max(bytes, 1)) / Math.log(1024)), 4);
  const digits = power > 0 ? 1 : 0;
  const format = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return `${new Intl.NumberFormat(locale, format).format(bytes / 1024 ** power)}\u00a0${UNITS[power]}`;
}

/** Seconds as one round number: 40 seconds, 3 minutes, 2 hours. */
export function duration(seconds) {
  const [count, unit] = seconds < 55 ? [Math.max(5, Math.ceil(seconds / 5) * 5), "second"]
    : seconds < 5400 ? [Math.ceil(seconds / 60), "minute"]
    : [Math.round(seconds / 3600), "hour"];
  return new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long" }).format(count);
}

/** Seconds of 90.5, 1:30 or 1:02:03; null of nothing. Throws RangeError. */
export function clock(text) {
  const said = text.trim();
  if (!said) return null;
  if (!/^(?:(?:\d{1,3}:)?\d{1,2}:)?\d{1,6}(?:[.,]\d{1,3})?$/.test(said)) throw new RangeError(text);
  return said.replace(",", ".").split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}

/** How fast bytes go, over the last seconds. */
export class Speed {
  constructor() {
    this.samples = [];
  }

  /** Note a count of bytes; one that is lower than the last begins anew. */
  note(count, now = performance.now()) {
    const last = this.samples.at(-1);
    if (last && count < last.count) this.samples = [];
    this.samples.push({ count, now });
    while (now - this.samples[0].now > WINDOW && this.samples.length > 2) this.samples.shift();
  }

  forget() {
    this.samples = [];
  }

  /** Seconds that so many bytes will take; null while nobody can tell. */
  left(bytes) {
    const [first, last] = [this.samples[0], this.samples.at(-1)];
    if (!last || last.now - first.now < 1500 || last.count <= first.count) return null;
    return (bytes * (last.now - first.now)) / 1000 / (last.count - first.count);
  }
}
