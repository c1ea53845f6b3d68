// Completes names of fields and entries in the filter. Arrows choose, Enter or Tab takes, Escape
// closes; without scripts the filter is typed, and an error names the fields that there are.
"use strict";

const WAIT_MS = 150;
const WORD = /[\p{L}_][\p{L}\p{N}_.\-]*$/u;

const input = document.getElementById("filter");
const list = document.getElementById("completions");
const kind = input.form.elements.namedItem("kind").value;
let timer = 0;
let asked = 0;
let chosen = -1;

function typedWord() {
  const found = WORD.exec(input.value.slice(0, input.selectionStart));
  return found ? found[0] : "";
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
  const end = input.selectionStart;
  const begin = end - typedWord().length;
  input.setRangeText(text, begin, end, "end");
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
