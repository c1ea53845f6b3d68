// The overview keeps up with what happens. A stream of events tells that something did, and the
// server renders the piece of the page anew. Without scripts the page is read again instead.
"use strict";

const LEAST_REST_MS = 1000; // between two refreshes
const MOST_REST_MS = 15000; // while events keep coming: a thousand pages must not be a storm
const JITTER_MS = 700; // they are not all refreshed in the same moment
const PARTS_MS = 6000;

async function replaced(id, address) {
  const old = document.getElementById(id);
  if (old.contains(document.activeElement)) {
    return false; // whoever is on a link in it would lose the place
  }
  const answer = await fetch(address, { signal: AbortSignal.timeout(10000) });
  if (!answer.ok) {
    return false;
  }
  const template = document.createElement("template");
  template.innerHTML = await answer.text();
  const made = template.content.getElementById(id);
  if (!made) {
    return false; // somebody signed out: it is another page
  }
  const known = new Set([...old.querySelectorAll("[data-key]")].map((row) => row.dataset.key));
  for (const row of made.querySelectorAll("[data-key]")) {
    row.classList.toggle("fresh", !known.has(row.dataset.key));
  }
  old.replaceWith(made);
  return true;
}

let rest = LEAST_REST_MS;
let refreshedAt = 0;
let timer = 0;
let seen = "";

async function refresh() {
  timer = 0;
  rest = Date.now() - refreshedAt < 2 * rest ? Math.min(2 * rest, MOST_REST_MS) : LEAST_REST_MS;
  refreshedAt = Date.now();
  const told = seen;
  const query = told ? `?seen=${encodeURIComponent(told)}` : "";
  const done = await replaced("newest", `/ui/overview/newest${query}`).catch(() => false);
  if (!done && !document.hidden) {
    refreshSoon();
  }
}

function refreshSoon() {
  if (!timer) {
    const wait = Math.max(0, refreshedAt + rest - Date.now());
    timer = setTimeout(refresh, wait + 100 + Math.random() * JITTER_MS);
  }
}

function happened(event) {
  const told = JSON.parse(event.data);
  seen = `${told.data.model}:${told.sequence}`;
  refreshSoon();
}

let source = null;
const live = document.getElementById("live");

function follow() {
  if (source) {
    return;
  }
  source = new EventSource("/ui/events");
  for (const type of live.dataset.types.split(" ")) {
    source.addEventListener(type, happened);
  }
  source.addEventListener("open", () => {
    live.hidden = false;
  });
  source.addEventListener("error", () => {
    live.hidden = true; // the browser tries again by itself
  });
}

// A page that nobody sees asks for nothing: browsers have few connections to one server.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    source?.close();
    source = null;
  } else {
    follow();
    seen = "";
    refreshSoon();
  }
});

async function tellParts() {
  if (!document.hidden) {
    await replaced("parts", "/ui/overview/parts").catch(() => false);
  }
  setTimeout(tellParts, PARTS_MS + Math.random() * JITTER_MS);
}

setTimeout(tellParts, PARTS_MS);
follow();
