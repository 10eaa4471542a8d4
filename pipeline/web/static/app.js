// What every page has: keys, the list of keys, the theme, dialogs, filters that apply themselves.

const typing = (target) =>
  target.isContentEditable || target.matches("textarea, select, input:not([type=radio]):not([type=checkbox]):not([type=button])");
const visible = (element) => element.offsetParent !== null && !element.disabled && !element.closest("fieldset:disabled");
const keysOn = () => localStorage.getItem("single-keys") !== "off";

// An element says its key: <button data-key="n" data-help="Take the next item">. A field is focused, anything else is clicked.
function press(element) {
  if (element.matches("input:not([type=radio]):not([type=checkbox]), select, textarea")) {
    element.focus();
    element.select?.();
  } else {
    element.focus({ preventScroll: element.matches("button") });
    element.click();
  }
}

let going = false; // after "g", the next key goes to a page of the menu

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && typing(event.target) && !event.target.closest("dialog")) {
    event.target.blur();
    return;
  }
  if (event.ctrlKey && event.key === "Enter") {
    const form = document.getElementById("decision");
    if (form && !document.querySelector("dialog[open]")) {
      event.preventDefault();
      form.requestSubmit();
    }
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || !keysOn() || document.querySelector("dialog[open]")) return;
  const link = going && document.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
  going = event.key === "g" && !going;
  const element = link || (!going && [...document.querySelectorAll(`[data-key="${CSS.escape(event.key)}"]`)].find(visible));
  if (element) {
    event.preventDefault();
    press(element);
  }
});

const help = document.getElementById("help");
document.getElementById("help-button")?.addEventListener("click", () => {
  const rows = [...document.querySelectorAll("[data-key][data-help]")].filter(visible).map((e) => [e.dataset.key, e.dataset.help]);
  for (const link of document.querySelectorAll("[data-go]")) rows.push([`g ${link.dataset.go}`, `Go to ${link.textContent}`]);
  if (document.getElementById("decision")) rows.push(["Ctrl+Enter", "File and go on, from a field too"]);
  rows.push(["Esc", "Leave a field, close a window"]);
  help.querySelector("tbody").replaceChildren(
    ...rows.map(([key, words]) => {
      const row = document.createElement("tr");
      const [cell, text] = [document.createElement("td"), document.createElement("td")];
      const kbd = document.createElement("kbd");
      kbd.textContent = key;
      cell.append(kbd);
      text.textContent = words;
      row.append(cell, text);
      return row;
    }),
  );
  document.getElementById("keys-on").checked = keysOn();
  help.showModal();
});
document.getElementById("keys-on")?.addEventListener("change", (event) => {
  localStorage.setItem("single-keys", event.target.checked ? "on" : "off");
});

document.getElementById("theme-button")?.addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
});

for (const button of document.querySelectorAll("[data-dialog]")) {
  button.addEventListener("click", () => document.getElementById(button.dataset.dialog).showModal());
}
for (const button of document.querySelectorAll("[data-close]")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}
for (const form of document.querySelectorAll("form[data-auto]")) {
  form.addEventListener("change", () => form.requestSubmit());
}

document.getElementById("tick-all")?.addEventListener("change", (event) => {
  for (const box of document.querySelectorAll("input[form=set]")) box.checked = event.target.checked;
});
document.getElementById("set")?.addEventListener("submit", (event) => {
  if (document.querySelector("input[form=set]:checked")) return;
  event.preventDefault();
  document.querySelector("input[form=set]").focus();
});

// A form is sent once: a second press of an impatient finger is not a second decision.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
