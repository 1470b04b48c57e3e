// Seconds as people write them, and back.

/** 62.345 as 00:01:02.345. */
export function clock(seconds) {
  const whole = Math.round(Math.max(seconds, 0) * 1000);
  const two = (number) => String(number).padStart(2, "0");
  const minutes = Math.floor(whole / 60000);
  const rest = `${two(Math.floor(whole / 1000) % 60)}.${String(whole % 1000).padStart(3, "0")}`;
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}:${rest}`;
}

/** 62.345 as 1:02, for rulers and what is read aloud. */
export function brief(seconds) {
  const [hours, minutes, rest] = clock(Math.floor(seconds)).split(":");
  const end = `${minutes}:${rest.slice(0, 2)}`;
  return Number(hours) ? `${Number(hours)}:${end}` : end.replace(/^0/, "");
}

/** Seconds of 62.5, 1:02.5 or 00:01:02,500; null of what is no time. */
export function seconds(text) {
  const match = /^(?:(?:(\d{1,3}):)?(\d{1,3}):)?(\d{1,6}(?:[.,]\d{0,3})?)$/.exec(text.trim());
  if (!match) return null;
  const [, hours = "0", minutes = "0", rest] = match;
  const within = Number(rest.replace(",", "."));
  if (match[2] !== undefined && within >= 60) return null;
  if (match[1] !== undefined && Number(minutes) >= 60) return null;
  return exact((Number(hours) * 60 + Number(minutes)) * 60 + within);
}

/** Whole milliseconds: what SRT can say. */
export function exact(number) {
  return Math.round(number * 1000) / 1000;
}
