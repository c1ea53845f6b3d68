// A worker: the SHA-256 of a part of a file. One part at a time is in memory.
"use strict";

let last = Promise.resolve();

async function hash({ id, file, begin, end }) {
  try {
    const bytes = await file.slice(begin, end).arrayBuffer();
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const sha256 = Array.from(digest, (each) => each.toString(16).padStart(2, "0")).join("");
    self.postMessage({ id, sha256 });
  } catch (error) {
    self.postMessage({ id, error: `${file.name} cannot be read: ${error.message}` });
  }
}

self.addEventListener("message", ({ data }) => {
  last = last.then(() => hash(data)); // else all parts that are asked for would be read at once
});
