// Used on every page: keyboard shortcuts and their list, the theme, dialogs, filters that submit themselves.

const TEXT_INPUT = "input:not([type=radio]):not([type=checkbox])";

const isTyping = (target) => target.isContentEditable || target.matches(`textarea, select, ${TEXT_INPUT}:not([type=button])`);
const isUsable = (element) => element.offsetParent !== null && !element.disabled && !element.closest("fieldset:disabled");
const shortcutsEnabled = () => localStorage.getItem("single-keys") !== "off";

// An element names its shortcut: <button data-key="n" data-help="Claim the next item">. A field is focused, anything else is clicked.
function activate(element) {
  if (element.matches(`${TEXT_INPUT}, select, textarea`)) {
    element.focus();
    element.select?.();
  } else {
    element.focus({ preventScroll: element.matches("button") });
    element.click();
  }
}

let afterG = false; // after "g", the next key opens a page of the menu

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && isTyping(event.target) && !event.target.closest("dialog")) {
    event.target.blur();
    return;
  }
  const dialogIsOpen = document.querySelector("dialog[open]") !== null;
  if (event.ctrlKey && event.key === "Enter") {
    const form = document.getElementById("decision");
    if (form && !dialogIsOpen) {
      event.preventDefault();
      form.requestSubmit();
    }
    return;
  }
  const hasModifier = event.ctrlKey || event.metaKey || event.altKey;
  if (hasModifier || isTyping(event.target) || !shortcutsEnabled() || dialogIsOpen) return;
  const key = CSS.escape(event.key);
  const link = afterG && document.querySelector(`[data-go="${key}"]`);
  afterG = event.key === "g" && !afterG;
  const element = link || (!afterG && [...document.querySelectorAll(`[data-key="${key}"]`)].find(isUsable));
  if (element) {
    event.preventDefault();
    activate(element);
  }
});

function shortcutRow([key, description]) {
  const row = document.createElement("tr");
  const [keyCell, textCell] = [document.createElement("td"), document.createElement("td")];
  const kbd = document.createElement("kbd");
  kbd.textContent = key;
  keyCell.append(kbd);
  textCell.textContent = description;
  row.append(keyCell, textCell);
  return row;
}

const help = document.getElementById("help");
document.getElementById("help-button")?.addEventListener("click", () => {
  const shortcuts = [...document.querySelectorAll("[data-key][data-help]")].filter(isUsable).map((e) => [e.dataset.key, e.dataset.help]);
  for (const link of document.querySelectorAll("[data-go]")) shortcuts.push([`g ${link.dataset.go}`, `Go to ${link.textContent}`]);
  if (document.getElementById("decision")) shortcuts.push(["Ctrl+Enter", "Save and go to the next item, also from a field"]);
  shortcuts.push(["Esc", "Leave a field, close a dialog"]);
  help.querySelector("tbody").replaceChildren(...shortcuts.map(shortcutRow));
  document.getElementById("shortcuts-enabled").checked = shortcutsEnabled();
  help.showModal();
});
document.getElementById("shortcuts-enabled")?.addEventListener("change", (event) => {
  localStorage.setItem("single-keys", event.target.checked ? "on" : "off");
});

document.getElementById("theme-button")?.addEventListener("click", () => {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
});

for (const button of document.querySelectorAll("[data-dialog]")) {
  button.addEventListener("click", () => document.getElementById(button.dataset.dialog).showModal());
}
for (const button of document.querySelectorAll("[data-close]")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}
for (const form of document.querySelectorAll("form[data-auto-submit]")) {
  form.addEventListener("change", () => form.requestSubmit());
}

// The documents of a chart that are selected for one PDF.
document.getElementById("select-all")?.addEventListener("change", (event) => {
  for (const checkbox of document.querySelectorAll("input[form=selection]")) checkbox.checked = event.target.checked;
});
document.getElementById("selection")?.addEventListener("submit", (event) => {
  if (document.querySelector("input[form=selection]:checked")) return;
  event.preventDefault();
  document.querySelector("input[form=selection]").focus();
});

// A form is submitted once: a double click must not make two decisions.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.submitted) event.preventDefault();
  form.dataset.submitted = "yes";
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-submitted]")) delete form.dataset.submitted;
});
