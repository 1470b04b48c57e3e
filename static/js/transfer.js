// One file on its way to the site by tus: begun, paused, gone on with after a closed tab or a lost
// line, given up. Knows nothing of the page.

const { tus } = window;
const DELAYS = [0, 1000, 3000, 5000, 10000, 15000, 30000]; // the site frees a dead line after 10 s

const GONE = [403, 404, 410]; // the site has nothing at that address for this person
const HOPELESS = new Set(["not_media", "too_large", "empty_file"]); // said of the file itself

/** What the browser remembers of unfinished uploads of this person. */
export class Memory {
  constructor(user) {
    this.prefix = `tus::mediasite-${user}-`;
  }

  fingerprint(file, { endpoint }) {
    const words = [this.prefix.slice("tus::".length), file.name, file.type, file.size, file.lastModified, endpoint];
    return words.join("|").replaceAll("::", ":");
  }

  async all() {
    if (!tus.canStoreURLs) return [];
    const found = await tus.defaultOptions.urlStorage.findAllUploads();
    return found.filter((one) => one.urlStorageKey.startsWith(this.prefix) && one.uploadUrl);
  }

  forget(remembered) {
    return tus.defaultOptions.urlStorage.removeUpload(remembered.urlStorageKey);
  }
}

/** Ask the site about an upload; `offset` and `length` in bytes, or null where it is over. */
export async function ask(url, patience = 6) {
  const answer = await fetch(url, { method: "HEAD", headers: { "Tus-Resumable": "1.0.0" } });
  if (answer.status === 423 && patience) {
    await new Promise((resolve) => setTimeout(resolve, 2000)); // a line that is dead, or another tab
    return ask(url, patience - 1);
  }
  if (!answer.ok && !GONE.includes(answer.status)) throw new Error(answer.status);
  if (GONE.includes(answer.status) || answer.headers.has("Recording-Id")) return null;
  const read = (name) => Number(answer.headers.get(name));
  return { offset: read("Upload-Offset"), length: read("Upload-Length") };
}

export async function giveUp(url, token) {
  const headers = { "Tus-Resumable": "1.0.0", "X-CSRFToken": token };
  const answer = await fetch(url, { method: "DELETE", headers });
  return answer.ok || answer.status === 404 || answer.status === 410;
}

/** Says what happens by `progress(sent)`, `done(recordingId)`, `lost()` and
 * `failed(sentence, { hopeless })`, which tells whether the file will never be taken. */
export class Transfer {
  constructor(file, { endpoint, token, memory, listener, gone }) {
    this.file = file;
    this.gone = gone;
    this.token = token;
    this.listener = listener;
    this.captions = null;
    this.former = null;
    this.upload = new tus.Upload(file, {
      endpoint,
      headers: { "X-CSRFToken": token, Accept: "application/json" },
      fingerprint: async (given, options) => memory.fingerprint(given, options),
      removeFingerprintOnSuccess: true,
      retryDelays: DELAYS,
      onProgress: (sent) => listener.progress(sent),
      onShouldRetry: (error) => isPassing(error) && navigator.onLine,
      onBeforeRequest: (request) => this.before(request),
      onAfterResponse: (request, answer) => this.after(request, answer),
      onSuccess: ({ lastResponse }) => listener.done(lastResponse?.getHeader("Recording-Id")),
      onError: (error) => this.failed(error),
    });
  }

  /** Find out whether this file was begun before; how many bytes of it the site has. */
  async remember() {
    const found = await this.upload.findPreviousUploads();
    for (const former of found.reverse()) {
      const state = former.uploadUrl && (await ask(former.uploadUrl).catch(() => undefined));
      if (state) {
        this.former = former;
        return state.offset;
      }
      if (state === null) await tus.defaultOptions.urlStorage.removeUpload(former.urlStorageKey);
    }
    return 0;
  }

  get isBegun() {
    return Boolean(this.former || this.upload.url);
  }

  /** Begin, or go on. `metadata` and `captions` count at the beginning only. */
  start(metadata, captions) {
    if (!this.isBegun) {
      this.upload.options.metadata = { filename: this.file.name, ...metadata };
      this.captions = captions;
    } else if (!this.upload.url) {
      this.upload.resumeFromPreviousUpload(this.former);
    }
    this.upload.start();
  }

  pause() {
    return this.upload.abort();
  }

  /** Stop, and have the site forget what it has; `start` begins anew then. */
  async cancel() {
    await this.upload.abort();
    const url = this.upload.url || this.former?.uploadUrl;
    if (url && !(await giveUp(url, this.token))) throw new Error(url);
    await this.forget();
  }

  /** Remember nothing of what the site has let go; `start` begins anew then. */
  async forget() {
    const found = await this.upload.findPreviousUploads();
    await Promise.all(found.map((one) => tus.defaultOptions.urlStorage.removeUpload(one.urlStorageKey)));
    this.upload.url = this.former = null;
  }

  /** Subtitles are too long for a header, so they go ahead of the first bytes. */
  async before(request) {
    if (request.getMethod() !== "PATCH" || !this.captions) return;
    const headers = { "X-CSRFToken": this.token, "Content-Type": "text/plain" };
    const url = `${request.getURL()}/subtitles`;
    const answer = await fetch(url, { method: "PUT", headers, body: this.captions });
    if (!answer.ok) throw new Refusal(sentence(await answer.text()));
    this.captions = null;
  }

  /** Left to itself the client would take any refusal to say how far it is for a lost upload. */
  after(request, answer) {
    const status = answer.getStatus();
    if (request.getMethod() !== "HEAD" || status < 400 || status === 423) return;
    throw status >= 500 ? new Error(String(status)) : new Refusal(this.gone);
  }

  async failed(error) {
    if (error.causingError instanceof Refusal) {
      await this.cancel().catch(() => {}); // so that other subtitles can be chosen
      this.listener.failed(error.causingError.message, { hopeless: false });
    } else if (isPassing(error)) this.listener.lost();
    else {
      const body = error.originalResponse.getBody();
      const hopeless = HOPELESS.has(parsed(body)?.code);
      const gone = hopeless || GONE.includes(error.originalResponse.getStatus());
      if (gone) await this.forget().catch(() => {});
      this.listener.failed(sentence(body), { hopeless });
    }
  }
}

/** Whether trying again may help: the line broke, another request writes, or the site is unwell. */
function isPassing(error) {
  if (error.causingError instanceof Refusal) return false;
  const status = error.originalResponse?.getStatus() ?? 0;
  return status < 400 || status >= 500 || status === 409 || status === 423;
}

class Refusal extends Error {}

/** The sentences of an error: one detail, or some for each field. */
function sentence(text) {
  const answer = parsed(text);
  if (typeof answer?.detail === "string") return answer.detail;
  return Object.values(answer ?? {}).flat().filter((one) => typeof one === "string").join(" ");
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
