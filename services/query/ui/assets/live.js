// The overview keeps up with what happens. A stream of events tells that something did, and the
// server renders the piece of the page anew. Without scripts the page is read again instead.
"use strict";

const LEAST_REST_MS = 1000; // between two refreshes
const MOST_REST_MS = 15000; // while events keep coming: a thousand pages must not be a storm
const JITTER_MS = 700; // they are not all refreshed in the same moment
const PARTS_MS = 6000;
const FOLLOW_AGAIN_MS = 10000; // after an answer that is no stream: 429, 502, 503
const FOLLOW_JITTER_MS = 5000;

async function replaced(id, address) {
  const old = document.getElementById(id);
  if (old.contains(document.activeElement)) {
    return false; // whoever is on a link in it would lose the place
  }
  const answer = await fetch(address, { signal: AbortSignal.timeout(10000) });
  if (answer.status === 401 || answer.redirected) {
    signedOut();
    return false;
  }
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
let isOver = false; // nobody is signed in any more

async function refresh() {
  timer = 0;
  rest = Date.now() - refreshedAt < 2 * rest ? Math.min(2 * rest, MOST_REST_MS) : LEAST_REST_MS;
  refreshedAt = Date.now();
  const told = seen;
  const query = told ? `?seen=${encodeURIComponent(told)}` : "";
  const done = await replaced("newest", `/ui/overview/newest${query}`).catch(() => false);
  if (!done && !document.hidden && !isOver) {
    refreshSoon();
  }
}

function refreshSoon() {
  if (!timer && !isOver) {
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
let followTimer = 0;
let partsTimer = 0;
const live = document.getElementById("live");

function follow() {
  clearTimeout(followTimer);
  if (source || document.hidden || isOver) {
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
    live.hidden = true; // the browser tries again by itself, unless the answer is no stream
    if (source?.readyState === EventSource.CLOSED) {
      source = null;
      followTimer = setTimeout(followAgain, FOLLOW_AGAIN_MS + Math.random() * FOLLOW_JITTER_MS);
    }
  });
}

// What happened meanwhile was told to nobody.
function followAgain() {
  if (document.hidden) {
    return; // it is followed once somebody sees it
  }
  follow();
  seen = "";
  refreshSoon();
}

// The page is read once more, and then says that somebody has to sign in.
function signedOut() {
  if (isOver) {
    return;
  }
  isOver = true;
  source?.close();
  for (const each of [timer, followTimer, partsTimer]) {
    clearTimeout(each);
  }
  location.reload();
}

// A page that nobody sees asks for nothing: browsers have few connections to one server.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    source?.close();
    source = null;
  } else {
    followAgain();
  }
});

async function tellParts() {
  if (!document.hidden) {
    await replaced("parts", "/ui/overview/parts").catch(() => false);
  }
  if (!isOver) {
    partsTimer = setTimeout(tellParts, PARTS_MS + Math.random() * JITTER_MS);
  }
}

partsTimer = setTimeout(tellParts, PARTS_MS);
follow();
