// What is known of an upload that is under way, over a reload; one for each model and user.
class Kept {
  constructor(name) {
    this.name = name;
  }

  // It has no URL, and nothing that could be used without the session.
  read() {
    return JSON.parse(localStorage.getItem(this.name) ?? "null");
  }

  keep(state) {
    localStorage.setItem(this.name, JSON.stringify(state));
  }

  forget() {
    localStorage.removeItem(this.name);
  }

  // Does what no other page of this browser may do meanwhile: they share what is kept, and one
  // could give up what the other is sending. Calls `isBusy` where another does such a thing.
  alone(act, isBusy) {
    const asked = { ifAvailable: true };
    return navigator.locks.request(this.name, asked, (lock) => (lock === null ? isBusy() : act()));
  }
}

// Modules name each other by address, which has a digest here: so they meet in one global name.
globalThis.mrUpload = { ...globalThis.mrUpload, Kept };
