// Completes names of fields and entries in the filter, also in quotes. Arrows choose, Enter or Tab
// takes, Escape closes; without scripts the filter is typed, and an error names the fields that
// there are.
"use strict";

const WAIT_MS = 150;
// Texts in single quotes, fields with quoted names in them, numbers, and anything else.
const TOKENS =
  /'(?:[^']|'')*'?|[\p{L}_][\p{L}\p{N}_\-]*(?:\.(?:"(?:[^"]|"")*"?|[\p{L}\p{N}_\-]*))*|\p{N}[\p{L}\p{N}_.\-]*|./gsu;
const FIELD = /^[\p{L}_]/u;
// What is left of a quoted name, if it ends there: what follows it is not in a name.
const REST = /^(?:[^"]|"")*"(?=[\s=<>!.)]|$)/u;

const input = document.getElementById("filter");
const list = document.getElementById("completions");
const kind = input.form.elements.namedItem("kind").value;
let timer = 0;
let asked = 0;
let chosen = -1;

function quotesIn(word) {
  return word.split('"').length - 1;
}

function typedWord() {
  const last = input.value.slice(0, input.selectionStart).match(TOKENS)?.at(-1) ?? "";
  const isClosed = last.endsWith('"') && quotesIn(last) % 2 === 0;
  return FIELD.test(last) && !isClosed ? last : "";
}

function restOf(word) {
  const isOpen = quotesIn(word) % 2 === 1;
  return (isOpen && REST.exec(input.value.slice(input.selectionStart))?.[0]) || "";
}

function close() {
  list.hidden = true;
  chosen = -1;
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

function choose(index) {
  const options = list.children;
  options[chosen]?.setAttribute("aria-selected", "false");
  chosen = (index + options.length) % options.length;
  options[chosen].setAttribute("aria-selected", "true");
  options[chosen].scrollIntoView({ block: "nearest" });
  input.setAttribute("aria-activedescendant", options[chosen].id);
}

function take(text) {
  const at = input.selectionStart;
  const word = typedWord();
  input.setRangeText(text, at - word.length, at + restOf(word).length, "end");
  close();
  input.focus();
  if (text.endsWith(".")) {
    offerSoon();
  }
}

function show(names) {
  list.replaceChildren();
  names.forEach((name, index) => {
    const option = document.createElement("li");
    option.id = `completion-${index}`;
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", "false");
    option.textContent = name;
    // Not a click: the input would lose the focus first, and the list be closed.
    option.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      take(name);
    });
    list.append(option);
  });
  list.hidden = names.length === 0;
  chosen = -1;
  input.setAttribute("aria-expanded", String(!list.hidden));
}

async function offer() {
  const word = typedWord();
  const turn = ++asked;
  if (!word) {
    close();
    return;
  }
  const query = new URLSearchParams({ kind, beginning: word.slice(0, 200) });
  const answer = await fetch(`/ui/completions?${query}`, { signal: AbortSignal.timeout(5000) })
    .then((found) => (found.ok ? found.json() : { items: [] }))
    .catch(() => ({ items: [] }));
  if (turn === asked && document.activeElement === input) {
    show(answer.items.filter((name) => name !== word));
  }
}

function offerSoon() {
  clearTimeout(timer);
  timer = setTimeout(offer, WAIT_MS);
}

input.addEventListener("input", offerSoon);
input.addEventListener("blur", close);
input.addEventListener("keydown", (event) => {
  if (list.hidden) {
    return;
  }
  if (event.key === "ArrowDown") {
    choose(chosen + 1);
  } else if (event.key === "ArrowUp") {
    choose(chosen < 0 ? -1 : chosen - 1);
  } else if (event.key === "Escape") {
    close();
  } else if ((event.key === "Enter" || event.key === "Tab") && chosen >= 0) {
    take(list.children[chosen].textContent);
  } else {
    return;
  }
  event.preventDefault();
});
