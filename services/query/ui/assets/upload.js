// The page that uploads: files that are chosen or dropped, what is shown of them, and going on.
const { filesIn, sizeOf, timeOf, withoutFolder } = globalThis.mrUpload;
const { Hasher, Kept, Paused, Registry, Transfer } = globalThis.mrUpload;
const HASHED_BYTES = 16 * 1024 ** 2; // files up to this size are told with their digest
const RATE_SECONDS = 5;

const form = document.getElementById("upload");
const part = (name) => document.getElementById(`upload-${name}`);
const registry = new Registry(form.dataset.key);
const hasher = new Hasher(form.dataset.hasher);
const kept = new Kept(`mr_upload:${form.dataset.owner}:${form.dataset.model}`);

let chosen = new Map(); // by path
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
  part("give-up").hidden = kept.read() === null || state === "sending";
  part("about").disabled = kept.read() !== null;
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
  show(kept.read() ? "kept" : "idle", chosen.size ? told : "");
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

async function fileOf(path, file) {
  const told = { path, size_bytes: file.size };
  if (file.size === 0) {
    throw new Error(`${path} is empty: leave it out`);
  }
  if (file.size > HASHED_BYTES) {
    return told;
  }
  return { ...told, sha256: await hasher.digest(file, 0, file.size) };
}

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
  for (const [path, file] of chosen) {
    files.push(await fileOf(path, file));
  }
  const session = await registry.open({ ...said(), model: part("model").value.trim(), files });
  kept.keep({
    upload_id: session.upload_id,
    model: session.model,
    number: session.number,
    files: files.map((each) => ({ ...each, modified: chosen.get(each.path).lastModified })),
  });
  return session;
}

// Raises an Error that names a file which is not the one that the upload began with.
async function requireSame(files) {
  for (const each of files) {
    const file = chosen.get(each.path);
    if (!file) {
      throw new Error(`${each.path} is missing: choose the files that the upload began with`);
    }
    const isTouched = file.lastModified !== each.modified;
    const isOther = file.size !== each.size_bytes ||
      (isTouched && each.sha256 && each.sha256 !== (await hasher.digest(file, 0, file.size)));
    if (isOther) {
      throw new Error(`${each.path} has changed: give the upload up, and begin another`);
    }
  }
  if (chosen.size > files.length) {
    throw new Error("there are more files than the upload began with");
  }
}

async function begin() {
  const before = kept.read();
  if (before === null) {
    return open();
  }
  await requireSame(before.files);
  return registry.ask("GET", `/${before.upload_id}`);
}

async function start() {
  show("sending", "Looking at the files");
  try {
    const session = await begin();
    if (session.state === "open") {
      transfer = new Transfer(registry, hasher, session, chosen, tellProgress);
      samples = [];
      part("pause").disabled = false;
      await transfer.run();
      await registry.ask("POST", `/${session.upload_id}/complete`, {});
    } else if (session.state !== "completed") {
      kept.forget();
      throw new Error(`the upload is ${session.state}: begin another`);
    }
    kept.forget();
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
    await registry.ask("DELETE", `/${kept.read().upload_id}`);
  } catch (error) {
    if (error.status === 409) {
      kept.forget(); // it is over already, and not by giving it up
    }
    if (error.status !== 404) {
      failed(error);
      return;
    }
  }
  kept.forget();
  show("idle", "The upload was given up.");
}

function isBusy() {
  if (form.dataset.state !== "sending") { // else it is this page, which was told twice
    failed(new Error("another page of this browser sends an upload: wait for it, or pause it"));
  }
}

function arrive() {
  const before = kept.read();
  if (before === null) {
    show("idle");
    return;
  }
  const total = before.files.reduce((sum, each) => sum + each.size_bytes, 0);
  part("model").value = before.model;
  const what = `version ${before.number}, ${before.files.length} files, ${sizeOf(total)}`;
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
