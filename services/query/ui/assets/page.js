// The switch of the theme, and copying. Everything else works without scripts.
"use strict";

const THEMES = ["", "dark", "light"];
const NAMES = { "": "System", dark: "Dark", light: "Light" };

function showTheme(button) {
  const name = NAMES[document.documentElement.dataset.theme ?? ""];
  button.textContent = name;
  button.setAttribute("aria-label", `Theme: ${name}`);
}

function nextTheme(button) {
  const now = document.documentElement.dataset.theme ?? "";
  const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length];
  if (next) {
    document.documentElement.dataset.theme = next;
  } else {
    delete document.documentElement.dataset.theme;
  }
  const age = next ? 31536000 : 0;
  document.cookie = `mr_theme=${next}; path=/ui; max-age=${age}; samesite=strict`;
  showTheme(button);
}

// Pages of errors are made without a look at the cookie.
const kept = /(?:^|; )mr_theme=(dark|light)/.exec(document.cookie);
if (kept) {
  document.documentElement.dataset.theme = kept[1];
}

const theme = document.getElementById("theme");
showTheme(theme);
theme.hidden = false;
theme.addEventListener("click", () => nextTheme(theme));

// The clipboard is there on https and localhost alone.
if (navigator.clipboard) {
  for (const button of document.querySelectorAll("button.copy")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
    });
  }
}

// The second click of a double click would be another sending, whose answer is shown in place of
// that of the first.
const DOUBLE_CLICK_MS = 1000;
for (const once of document.querySelectorAll("form input[name=once]")) {
  let sentAt = -Infinity;
  once.form.addEventListener("submit", (event) => {
    if (event.timeStamp - sentAt < DOUBLE_CLICK_MS) {
      event.preventDefault();
    } else {
      sentAt = event.timeStamp;
    }
  });
}

// A filter that is wrong is answered with 422 and a page that says where: it is shown in place. Of
// every other failure, the session's end too, there is a page of its own.
document.body.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, target, pathInfo } = event.detail;
  if (target.id !== "found" || xhr.status < 400) {
    return;
  }
  if (xhr.responseText.includes('id="found"')) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  } else {
    window.location.assign(pathInfo.finalRequestPath);
  }
});
