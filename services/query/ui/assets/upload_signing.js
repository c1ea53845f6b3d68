// The signed URLs of one upload: each is used once, when it is needed, and none is kept.
const SPARE_MS = 5000; // a URL that is over so soon is not used

// The upload is over: asking once more would not change that.
class Over extends Error {
  isLasting = true;
}

class Signing {
  constructor(registry, session) {
    Object.assign(this, { registry, path: `/${session.upload_id}` });
    this.plans = new Map(session.files.map((plan) => [plan.path, plan]));
    this.renewing = null;
  }

  async part({ path }, number, sha256) {
    const wanted = { path, parts: [{ number, sha256 }] };
    const told = await this.registry.ask("POST", `${this.path}/parts`, wanted);
    return told.parts[0];
  }

  // Null: it is there by now. What was just asked for is used even if it seems to be over: a clock
  // that is wrong costs asking, and nothing else.
  async put(plan) {
    if (!plan.uploaded && !this.isLive(plan.put)) {
      this.renewing ??= this.renew().finally(() => {
        this.renewing = null;
      });
      await this.renewing;
    }
    const { put } = plan;
    plan.put = null;
    return put;
  }

  // One answer has a URL for each file, and they are all over at the same time.
  async renew() {
    const told = await this.registry.ask("GET", this.path);
    if (told.state !== "open") {
      throw new Over(`the upload is ${told.state}`);
    }
    for (const { path, put, uploaded } of told.files) {
      Object.assign(this.plans.get(path), { put, uploaded });
    }
  }

  isLive(put) {
    return put && !(Date.parse(put.expires_at) < this.registry.now() + SPARE_MS);
  }
}

// Modules name each other by address, which has a digest here: so they meet in one global name.
globalThis.mrUpload = { ...globalThis.mrUpload, Signing };
