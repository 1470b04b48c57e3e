// Send one file with tus-js-client, breaking off at random offsets as often as told, each time as if
// the tab had been closed: a new client goes on with what was remembered of the file.
//
// node upload.mjs '{"port", "token", "file", "memory", "aborts", "seed", "chunk", "rate"}'; prints
// what came of it as JSON. The bytes go through a line of `rate` bytes a second, since the client
// learns only ten times a second how far it is.
import { createReadStream, statSync } from "node:fs";
import { connect, createServer } from "node:net";
import { basename } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import * as tus from "tus-js-client";
import { FileUrlStorage } from "tus-js-client/lib.esm/node/urlStorage.js";

const options = JSON.parse(process.argv[2]);
const size = statSync(options.file).size;
const chance = mulberry32(options.seed);
const told = { aborts: [], offsets: [], statuses: {}, recording: null };

/** A small generator of numbers that a seed repeats. */
function mulberry32(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A line to the site that is no faster than a real one. */
function line() {
  const server = createServer((client) => {
    const slow = new Transform({
      transform(chunk, encoding, done) {
        setTimeout(done, (chunk.length / options.rate) * 1000, null, chunk);
      },
    });
    const site = connect(options.port, "127.0.0.1");
    pipeline(client, slow, site).catch(() => {});
    pipeline(site, client).catch(() => {});
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

/** Upload until the next break, or to the end; true once the file is there. */
function sitting() {
  return new Promise((resolve, reject) => {
    let over = false;
    let target = null; // random, and such that there is room for the breaks still to come
    const upload = new tus.Upload(createReadStream(options.file), {
      endpoint: `http://127.0.0.1:${network.address().port}/api/uploads`,
      headers: { Authorization: `Token ${options.token}` },
      metadata: { filename: basename(options.file), process: "false" },
      urlStorage: new FileUrlStorage(options.memory),
      chunkSize: options.chunk || Infinity,
      retryDelays: [0, 50, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000],
      onProgress(sent) {
        const left = options.aborts - told.aborts.length;
        if (over || !left) return;
        target ??= sent + 1 + (chance() * 1.6 * (size - sent)) / (left + 1);
        if (sent < target) return;
        over = true;
        told.aborts.push(sent);
        setImmediate(() => upload.abort().then(() => resolve(false), reject)); // not before it is sent
      },
      onAfterResponse(request, response) {
        const answer = `${request.getMethod()} ${response.getStatus()}`;
        told.statuses[answer] = (told.statuses[answer] || 0) + 1;
        if (answer === "HEAD 200") told.offsets.push(Number(response.getHeader("Upload-Offset")));
        told.recording = response.getHeader("Recording-Id") || told.recording;
      },
      onError: reject,
      onSuccess: () => { over = true; resolve(true); },
    });
    upload.findPreviousUploads().then((former) => {
      if (former.length) upload.resumeFromPreviousUpload(former[0]);
      upload.start();
    }, reject);
  });
}

const network = await line();
while (!(await sitting()));
console.log(JSON.stringify(told));
process.exit(0);
