// Asking the site, with the token of this page and never without an end.

const PATIENCE = 60_000; // ms; an import of a large file takes a while
const written = document.querySelector("[data-editor] [name=csrfmiddlewaretoken]")?.value ?? "";

/** The token that goes with the cookie as it is now: signing in in another tab changes both. */
function token() {
  return /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1] ?? written;
}

/** The site could not be reached, or did not answer in time. */
export class Unreachable extends Error {}

/** Send JSON or a form and return {status, ok, data}; raises Unreachable. */
export async function ask(method, address, { body, form, keepalive = false } = {}) {
  const headers = { Accept: "application/json", "X-CSRFToken": token() };
  if (body) headers["Content-Type"] = "application/json";
  try {
    const answer = await fetch(address, {
      method,
      headers,
      keepalive,
      body: form ?? (body && JSON.stringify(body)),
      signal: keepalive ? undefined : AbortSignal.timeout(PATIENCE),
    });
    const text = await answer.text();
    return { status: answer.status, ok: answer.ok, data: parsed(text) };
  } catch (error) {
    throw new Unreachable(error.message, { cause: error });
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null; // no JSON, or nothing: such as a proxy's page
  }
}

/** What the site says went wrong: about single fields where it names them, else its sentence. */
export function sentence(data, otherwise) {
  const { detail, code, ...fields } = data ?? {};
  const said = code === "invalid" ? strings(fields).join(" ") : "";
  return said || (typeof detail === "string" && detail) || otherwise;
}

function strings(data) {
  if (typeof data === "string") return [data];
  return data && typeof data === "object" ? Object.values(data).flatMap(strings) : [];
}
