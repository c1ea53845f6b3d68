// The files that were chosen: what an upload is told of them, and whether they are those it began
// with.
const { MOST_HASHED_BYTES } = globalThis.mrUpload;
const HASHED_BYTES = 16 * 1024 ** 2; // files up to this size are told with their digest

// Of a file that is sent in one body, storage checks the digest alone that was told before.
async function fileOf(path, file, hasher, singlePutBytes) {
  const told = { path, size_bytes: file.size };
  if (file.size === 0) {
    throw new Error(`${path} is empty: leave it out`);
  }
  if (file.size > Math.max(HASHED_BYTES, singlePutBytes)) {
    return told; // its parts are hashed one by one
  }
  if (file.size > MOST_HASHED_BYTES) {
    throw new Error(`${path} is too large for a browser: use the command`);
  }
  return { ...told, sha256: await hasher.digest(file, 0, file.size) };
}

// Raises an Error where one body would be sent without a digest: ingest was told another limit than
// this page.
function requireDigests(plans, files) {
  const hashed = new Set(files.filter((each) => each.sha256).map((each) => each.path));
  const isBare = (plan) => plan.kind === "put" && !plan.uploaded && !hashed.has(plan.path);
  const bare = plans.find(isBare);
  if (bare) {
    const then = "give the upload up, load this page again, and begin another";
    throw new Error(`${bare.path} was not hashed: ${then}`);
  }
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
globalThis.mrUpload = { ...globalThis.mrUpload, fileOf, isSame, requireDigests, requireSame };
