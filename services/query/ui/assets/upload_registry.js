// Asks the registry about an upload: opens it, has parts signed, completes it, and gives it up.
const ANSWER_MS = 70000; // query itself waits 60 s for ingest

class Refused extends Error {
  constructor(problem, status) {
    super(problem.detail ?? `the answer is ${status}`);
    this.status = status;
    this.problem = problem;
  }

  // Whether asking once more would be refused again.
  get isLasting() {
    return this.status < 500 && this.status !== 429;
  }
}

// Asks query, which hands it on to ingest.
class Registry {
  constructor(formKey) {
    this.formKey = formKey;
    this.opening = null; // what was asked for with which key, as long as nobody has answered
    this.aheadMs = 0;
  }

  // What time it is there, where answers tell it: the clock of a browser may be wrong.
  now() {
    return Date.now() + this.aheadMs;
  }

  // An upload may be open though the answer was lost: asked for with the same key, it is that one.
  async open(body) {
    const text = JSON.stringify(body);
    if (this.opening?.text !== text) {
      this.opening = { text, key: crypto.randomUUID() };
    }
    try {
      const session = await this.ask("POST", "", body, { "Idempotency-Key": this.opening.key });
      this.opening = null;
      return session;
    } catch (error) {
      if (error.isLasting) {
        this.opening = null;
      }
      throw error;
    }
  }

  async ask(method, path, body, headers = {}) {
    const [answer, text] = await this.answered(path, {
      method,
      headers: { "X-Form-Key": this.formKey, "Content-Type": "application/json", ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    let told = null;
    try {
      told = text ? JSON.parse(text) : {};
    } catch {
      told = null; // something between here and query answered
    }
    if (!answer.ok) {
      throw new Refused(told ?? {}, answer.status);
    }
    if (told === null) {
      throw new Error("something before the registry answers: try again");
    }
    return told;
  }

  async answered(path, options) {
    try {
      const signal = AbortSignal.timeout(ANSWER_MS);
      const answer = await fetch(`/ui/uploads${path}`, { ...options, signal });
      const date = Date.parse(answer.headers.get("Date"));
      this.aheadMs = Number.isNaN(date) ? this.aheadMs : date - Date.now();
      return [answer, await answer.text()];
    } catch {
      throw new Error("the registry does not answer: try again"); // broken off, or too late
    }
  }
}

// Modules name each other by address, which has a digest here: so they meet in one global name.
globalThis.mrUpload = { ...globalThis.mrUpload, Refused, Registry };
