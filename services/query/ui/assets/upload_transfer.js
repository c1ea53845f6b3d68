// Sends the files of one upload to storage, part by part: hashed, signed, sent, and tried again.
const { Signing } = globalThis.mrUpload;
const AT_ONCE = 4;
const MOST_TRIES = 6;
const MOST_OTHER_BODIES = 2; // tries at a body that is not what was signed
const STALL_MS = 60000; // without a byte that storage took
const MOST_HASHED_BYTES = 1024 ** 3; // what is hashed is in memory meanwhile

class Paused extends Error {}

// A body that is not what was signed: the file has changed, or it was damaged on its way. Stores
// answer a connection on which nothing more came alike.
class OtherBody extends Error {}

class Hasher {
  constructor(address) {
    this.worker = new Worker(address);
    this.waiting = new Map();
    this.count = 0;
    this.worker.addEventListener("message", ({ data }) => {
      const { resolve, reject } = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      data.error ? reject(new Error(data.error)) : resolve(data.sha256);
    });
  }

  digest(file, begin, end) {
    return new Promise((resolve, reject) => {
      const id = this.count++;
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, file, begin, end });
    });
  }
}

class Transfer {
  constructor(registry, hasher, session, files, tell) {
    Object.assign(this, { hasher, session, files, tell });
    this.signing = new Signing(registry, session);
    this.sent = 0;
    this.flying = new Map();
    this.isPaused = false;
  }

  // Sends what storage does not have; raises Paused, Refused, and Error for a file that changed.
  async run() {
    this.isPaused = false;
    this.sent = 0;
    const pieces = [];
    for (const plan of this.session.files) {
      pieces.push(...this.piecesOf(plan));
    }
    const runners = Array.from({ length: AT_ONCE }, async () => {
      for (let piece = pieces.shift(); piece; piece = pieces.shift()) {
        await this.handle(piece);
      }
    });
    try {
      await Promise.all(runners);
    } catch (error) {
      this.pause(); // the others stop, too
      await Promise.allSettled(runners);
      throw error;
    }
  }

  pause() {
    this.isPaused = true;
    for (const request of this.flying.keys()) {
      request.abort();
    }
  }

  get progress() {
    let flying = 0;
    for (const bytes of this.flying.values()) {
      flying += bytes;
    }
    return this.sent + flying;
  }

  piecesOf(plan) {
    const file = this.files.get(plan.path);
    if (plan.uploaded) {
      this.sent += plan.size_bytes;
      return [];
    }
    if (plan.kind === "put") {
      return [{ plan, file, begin: 0, end: plan.size_bytes }];
    }
    const size = plan.part_size_bytes;
    if (size > MOST_HASHED_BYTES) {
      throw new Error(`${plan.path} is too large for a browser: use the command`);
    }
    const there = new Map(plan.parts.map((part) => [part.number, part]));
    return Array.from({ length: plan.part_count }, (_, index) => ({
      plan,
      file,
      number: index + 1,
      there: there.get(index + 1),
      begin: index * size,
      end: Math.min((index + 1) * size, plan.size_bytes),
    }));
  }

  async handle(piece) {
    this.requireGoing();
    const bytes = piece.end - piece.begin;
    if (piece.number) {
      piece.sha256 = await this.hasher.digest(piece.file, piece.begin, piece.end);
    }
    // What storage attests to have need not be sent again.
    if (!piece.there || piece.there.sha256 !== piece.sha256 || piece.there.size_bytes !== bytes) {
      await this.sendUntilThere(piece);
    }
    this.sent += bytes;
    this.tell();
  }

  async sendUntilThere(piece) {
    for (let tries = 1; ; tries++) {
      this.requireGoing();
      try {
        const signed = await this.signed(piece);
        this.requireGoing();
        await this.send(signed, piece);
        return;
      } catch (error) {
        this.requireGoing();
        const most = error instanceof OtherBody ? MOST_OTHER_BODIES : MOST_TRIES;
        if (error.isLasting || tries >= most) {
          throw error;
        }
      }
      const pause = 250 * 2 ** tries * (0.5 + Math.random() / 2); // parts do not come back at once
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  signed({ plan, number, sha256 }) {
    return number ? this.signing.part(plan, number, sha256) : this.signing.put(plan);
  }

  send(signed, piece) {
    if (!signed) {
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest(); // fetch tells no progress of what it sends
      let isStalled = false;
      let stall = 0;
      const goOn = () => {
        clearTimeout(stall);
        stall = setTimeout(() => {
          isStalled = true;
          request.abort();
        }, STALL_MS);
      };
      const end = (settle, value) => {
        clearTimeout(stall);
        this.flying.delete(request);
        settle(value);
      };
      request.open(signed.method, signed.url);
      for (const [name, value] of Object.entries(signed.headers)) {
        if (name.toLowerCase() !== "content-length") { // the browser tells it itself
          request.setRequestHeader(name, value);
        }
      }
      request.upload.addEventListener("progress", ({ loaded }) => {
        goOn();
        this.flying.set(request, loaded);
        this.tell();
      });
      request.upload.addEventListener("load", goOn);
      request.addEventListener("load", () => {
        const isThere = request.status === 412; // by an attempt whose answer was lost
        if (request.status === 200 || isThere) {
          end(resolve);
        } else if (request.status === 400) {
          end(reject, new OtherBody(`${piece.plan.path} has changed since it was chosen`));
        } else {
          end(reject, new Error(`storage answers ${request.status}`)); // 403: the URL is over
        }
      });
      request.addEventListener("error", () => end(reject, new Error("storage does not answer")));
      request.addEventListener("abort", () => {
        end(reject, isStalled ? new Error("storage takes nothing more") : new Paused());
      });
      this.flying.set(request, 0);
      goOn();
      request.send(piece.file.slice(piece.begin, piece.end));
    });
  }

  requireGoing() {
    if (this.isPaused) {
      throw new Paused();
    }
  }
}

// Modules name each other by address, which has a digest here: so they meet in one global name.
globalThis.mrUpload = { ...globalThis.mrUpload, Hasher, MOST_HASHED_BYTES, Paused, Transfer };
