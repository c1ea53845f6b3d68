// The files that were chosen: what an upload is told of them, and whether they are those it began
// with.
const HASHED_BYTES = 16 * 1024 ** 2; // files up to this size are told with their digest

async function fileOf(path, file, hasher) {
  const told = { path, size_bytes: file.size };
  if (file.size === 0) {
    throw new Error(`${path} is empty: leave it out`);
  }
  if (file.size > HASHED_BYTES) {
    return told;
  }
  return { ...told, sha256: await hasher.digest(file, 0, file.size) };
}

// Raises an Error that names a file which is not the one that the upload began with.
async function requireSame(chosen, files, hasher) {
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

function isSame(chosen, files, hasher) {
  return requireSame(chosen, files, hasher).then(() => true, () => false);
}

// Modules name each other by address, which has a digest here: so they meet in one global name.
globalThis.mrUpload = { ...globalThis.mrUpload, fileOf, isSame, requireSame };
