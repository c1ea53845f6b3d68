// The page that uploads: files that are chosen or dropped, what is shown of them, and going on.
const { filesIn, sizeOf, timeOf, withoutFolder } = globalThis.mrUpload;
const { fileOf, isSame, requireDigests, requireSame } = globalThis.mrUpload;
const { Hasher, Kept, Paused, Registry, Transfer } = globalThis.mrUpload;
const RATE_SECONDS = 5;

const form = document.getElementById("upload");
const part = (name) => document.getElementById(`upload-${name}`);
const registry = new Registry(form.dataset.key);
const hasher = new Hasher(form.dataset.hasher);
const kept = new Kept(`mr_upload:${form.dataset.owner}:${form.dataset.model}`);

let chosen = new Map(); // by path
let current = null; // what is kept of the upload that this page is on: another page may end it
let transfer = null;
let samples = [];

function show(state, text = "") {
  form.dataset.state = state;
  part("told").textContent = text;
  part("told").setAttribute("role", state === "failed" ? "alert" : "status");
  part("files").disabled = state === "sending";
  part("start").hidden = !["idle", "kept", "failed"].includes(state);
  part("start").disabled = chosen.size === 0;
  part("pause").hidden = state !== "sending";
  part("pause").disabled = true; // until there is something to pause
  part("go-on").hidden = state !== "paused";
  part("give-up").hidden = current === null || state === "sending";
  part("about").disabled = current !== null;
  part("progress").hidden = !["sending", "paused"].includes(state);
}

function totalOf(files) {
  return [...files].reduce((sum, file) => sum + file.size, 0);
}

function tellProgress() {
  const total = totalOf(chosen.values());
  const sent = transfer.progress;
  const now = performance.now() / 1000;
  samples.push([now, sent]);
  samples = samples.filter(([at]) => at >= now - RATE_SECONDS);
  const [since, before] = samples[0];
  const rate = now > since ? (sent - before) / (now - since) : 0;
  const left = rate > 0 ? `, ${sizeOf(rate)}/s, ${timeOf((total - sent) / rate)} left` : "";
  part("progress").max = total;
  part("progress").value = sent;
  part("told").textContent = `${sizeOf(sent)} of ${sizeOf(total)}${left}`;
}

// ---- Choosing ----

function choose(files) {
  if (form.dataset.state === "sending") {
    return; // a folder that was dropped before may take long to be listed
  }
  chosen = new Map(files);
  const list = part("list");
  list.replaceChildren();
  for (const [path, file] of [...chosen].slice(0, 100)) {
    const item = document.createElement("li");
    const name = document.createElement("bdi");
    name.textContent = path;
    item.append(name, ` ${sizeOf(file.size)}`);
    list.append(item);
  }
  const more = chosen.size > 100 ? `, of which 100 are shown` : "";
  const told = `${chosen.size} files, ${sizeOf(totalOf(chosen.values()))}${more}`;
  show(current ? "kept" : "idle", chosen.size ? told : "");
}

async function dropped(event) {
  event.preventDefault();
  form.classList.remove("over");
  const found = await filesIn(event.dataTransfer);
  choose(withoutFolder(found));
}

function picked({ target }) {
  const files = [...target.files];
  choose(withoutFolder(files.map((file) => [file.webkitRelativePath || file.name, file])));
}

// ---- Sending ----

function said() {
  const text = part("said").value.trim();
  let more = {};
  try {
    more = text ? JSON.parse(text) : {};
  } catch (error) {
    throw new Error(`What is said of it must be JSON: ${error.message}`);
  }
  const description = part("description").value;
  const label = part("label").value.trim();
  const version = /^[0-9]{1,9}$/.test(label) ? Number(label) : label;
  return { ...more, ...(description ? { description } : {}), ...(label ? { version } : {}) };
}

async function open() {
  const files = [];
  const singlePutBytes = Number(form.dataset.singlePutBytes);
  for (const [path, file] of chosen) {
    files.push(await fileOf(path, file, hasher, singlePutBytes));
  }
  const session = await registry.open({ ...said(), model: part("model").value.trim(), files });
  current = {
    upload_id: session.upload_id,
    model: session.model,
    number: session.number,
    files: files.map((each) => ({ ...each, modified: chosen.get(each.path).lastModified })),
  };
  kept.keep(current);
  return session;
}

// Another page may have ended the upload that this one is on: then none is begun with its files.
async function begin() {
  if (current === null && kept.read() !== null) {
    arrive();
    throw new Error(part("told").textContent); // another page has begun it since this one was shown
  }
  if (current === null) {
    return open();
  }
  const session = await registry.ask("GET", `/${current.upload_id}`);
  if (session.state === "open") {
    await requireSame(chosen, current.files, hasher);
  } else if (session.state !== "completed" || !(await isSame(chosen, current.files, hasher))) {
    leave();
    throw new Error(`the upload is ${session.state}: begin another`);
  }
  return session;
}

// Leaves an upload that is over. What another page has begun meanwhile stays kept.
function leave() {
  if (kept.read()?.upload_id === current.upload_id) {
    kept.forget();
  }
  current = null;
}

async function start() {
  show("sending", "Looking at the files");
  try {
    const session = await begin();
    if (session.state === "open") {
      requireDigests(session.files, current.files);
      transfer = new Transfer(registry, hasher, session, chosen, tellProgress);
      samples = [];
      part("pause").disabled = false;
      await transfer.run();
      await registry.ask("POST", `/${session.upload_id}/complete`, {});
    }
    leave();
    show("done", "All of it is there.");
    const model = encodeURIComponent(session.model);
    location.assign(`/ui/models/${model}/versions/${session.number}`);
  } catch (error) {
    if (error instanceof Paused) {
      show("paused", `${part("told").textContent}: paused`);
    } else {
      failed(error);
    }
  }
}

function failed(error) {
  const errors = error.problem?.errors;
  const told = errors ? errors.map((each) => `${each.field}: ${each.rule}`).join("; ") : error.message;
  const over = "Your session is over: sign in, load this page again, and go on.";
  show("failed", error.status === 401 ? over : told);
}

async function giveUp() {
  try {
    await registry.ask("DELETE", `/${current.upload_id}`);
  } catch (error) {
    if (error.status === 409) {
      leave(); // it is over already, and not by giving it up
    }
    if (error.status !== 404) {
      failed(error);
      return;
    }
  }
  leave();
  show("idle", "The upload was given up.");
}

function isBusy() {
  if (form.dataset.state !== "sending") { // else it is this page, which was told twice
    failed(new Error("another page of this browser sends an upload: wait for it, or pause it"));
  }
}

function arrive() {
  current = kept.read();
  show("idle");
  if (current === null) {
    return;
  }
  const total = current.files.reduce((sum, each) => sum + each.size_bytes, 0);
  part("model").value = current.model;
  const what = `version ${current.number}, ${current.files.length} files, ${sizeOf(total)}`;
  show("kept", `An upload is not complete: ${what}. Choose the same files again to go on with it.`);
}

if (globalThis.isSecureContext) {
  form.hidden = false;
  for (const name of ["picker", "folder"]) {
    part(name).addEventListener("change", picked);
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("dragover", (event) => {
    event.preventDefault();
    form.classList.add("over");
  });
  form.addEventListener("dragleave", () => form.classList.remove("over"));
  form.addEventListener("drop", dropped);
  part("start").addEventListener("click", () => kept.alone(start, isBusy));
  part("go-on").addEventListener("click", () => kept.alone(start, isBusy));
  part("pause").addEventListener("click", () => transfer?.pause());
  part("give-up").addEventListener("click", () => kept.alone(giveUp, isBusy));
  addEventListener("beforeunload", (event) => {
    if (form.dataset.state === "sending") {
      event.preventDefault();
    }
  });
  arrive();
} else {
  part("insecure").hidden = false;
}
