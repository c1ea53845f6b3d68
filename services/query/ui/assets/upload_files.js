// Files that are chosen or dropped, by their paths; sizes and times as people read them.
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

function sizeOf(bytes) {
  let unit = 0;
  for (; bytes >= 1024 && unit < UNITS.length - 1; unit++) {
    bytes /= 1024;
  }
  return unit === 0 ? `${bytes} B` : `${bytes.toFixed(1)} ${UNITS[unit]}`;
}

function timeOf(seconds) {
  const whole = Math.ceil(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

// The folder that is chosen is not part of the paths of what lies in it.
function withoutFolder(entries) {
  const first = entries.length ? entries[0][0].split("/")[0] : "";
  const isOne = entries.every(([path]) => path.startsWith(`${first}/`));
  return entries.map(([path, file]) => [isOne ? path.slice(first.length + 1) : path, file]);
}

async function filesBelow(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [[entry.fullPath.slice(1), file]];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) {
      return found;
    }
    for (const each of some) {
      found.push(...(await filesBelow(each)));
    }
  }
}

// Not in a loop with awaits: what was dropped can be asked for its entries at once alone.
async function filesIn(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const dropped = items.map((item) => [item.webkitGetAsEntry(), item.getAsFile()]);
  const found = [];
  for (const [entry, file] of dropped) {
    found.push(...(entry ? await filesBelow(entry) : [[file.name, file]]));
  }
  return found;
}

// Modules name each other by address, which has a digest here: so they meet in one global name.
globalThis.mrUpload = { ...globalThis.mrUpload, filesIn, sizeOf, timeOf, withoutFolder };
