// The form beside the ink: candidates, another patient, the type's chips, the lease.

const desk = document.querySelector(".desk");
const form = document.getElementById("decision");
const csrf = document.querySelector("meta[name=csrf]").content;
const mine = desk.dataset.mine === "yes";

// Enter goes on to the next field; filing takes Ctrl+Enter or the button, never a slip.
form?.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.ctrlKey || !event.target.matches(".field input")) return;
  event.preventDefault();
  const fields = [...form.querySelectorAll(".field input")];
  fields[fields.indexOf(event.target) + 1]?.focus();
});

const select = document.getElementById("type");
const chips = [...document.querySelectorAll(".chip")];
const markChip = () => chips.forEach((chip) => chip.setAttribute("aria-pressed", String(chip.dataset.type === select.value)));
chips.forEach((chip) => chip.addEventListener("click", () => ((select.value = chip.dataset.type), markChip())));
select?.addEventListener("change", markChip);
if (select) markChip();

// Another patient: a combobox over the patient index.
const input = document.getElementById("patient-search");
const list = document.getElementById("patient-found");
const chosen = document.getElementById("patient-chosen");
let found = [];
let at = -1;
let asked = 0;

function offer(patients) {
  found = patients;
  at = -1;
  list.replaceChildren(
    ...patients.map((patient, i) => {
      const entry = document.createElement("li");
      entry.id = `found-${i}`;
      entry.role = "option";
      entry.setAttribute("aria-selected", "false");
      entry.textContent = [patient.name, patient.dob, patient.sex, patient.mrn && `MRN ${patient.mrn}`, patient.city].filter(Boolean).join(" · ");
      entry.addEventListener("mousedown", (event) => (event.preventDefault(), choose(i)));
      return entry;
    }),
  );
  if (!patients.length && input.value.trim()) {
    const entry = document.createElement("li");
    entry.role = "option";
    entry.setAttribute("aria-disabled", "true");
    entry.textContent = "Nobody found";
    list.append(entry);
  }
  list.hidden = !list.children.length;
  input.setAttribute("aria-expanded", String(!list.hidden));
}

function mark(index) {
  at = index;
  [...list.children].forEach((entry, i) => entry.setAttribute("aria-selected", String(i === at)));
  if (at >= 0) input.setAttribute("aria-activedescendant", `found-${at}`);
  else input.removeAttribute("aria-activedescendant");
  list.children[at]?.scrollIntoView({ block: "nearest" });
}

function choose(index) {
  const patient = found[index];
  if (!patient) return;
  const label = document.createElement("label");
  const radio = Object.assign(document.createElement("input"), { type: "radio", name: "patient", value: patient.id, checked: true });
  label.append(radio, ` ${[patient.name, patient.dob, patient.mrn && `MRN ${patient.mrn}`].filter(Boolean).join(" · ")}`);
  chosen.replaceChildren(label);
  chosen.hidden = false;
  input.value = "";
  offer([]);
  radio.focus();
}

input?.addEventListener("input", () => {
  const mineNow = ++asked;
  setTimeout(async () => {
    if (mineNow !== asked) return; // another letter came
    const words = input.value.trim();
    if (words.length < 2) return offer([]);
    const answer = await fetch(`/patients.json?q=${encodeURIComponent(words)}`, { headers: { accept: "application/json" } });
    if (mineNow === asked) offer(answer.ok ? await answer.json() : []);
  }, 150);
});
input?.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    mark((at + (event.key === "ArrowDown" ? 1 : -1) + found.length) % (found.length || 1));
  } else if (event.key === "Enter") {
    event.preventDefault();
    choose(Math.max(at, 0));
  } else if (event.key === "Escape") {
    offer([]);
  }
});
input?.addEventListener("blur", () => setTimeout(() => offer([]), 150));

// The next item's page is fetched while this one is read, once this one has been painted: it is there when it is wanted.
const ahead = document.querySelector(".panel").dataset.ahead;
const PAINTED = 250; // ms after loading; fetched at once it held this page's paint up by 35 ms
if (mine && ahead) addEventListener("load", () => setTimeout(() => (new Image().src = ahead), PAINTED));

// While somebody works here the lease is renewed; a screen left alone lets go of the item by itself.
if (mine) {
  let active = true;
  for (const kind of ["keydown", "pointerdown", "wheel"]) addEventListener(kind, () => (active = true), { passive: true });
  setInterval(async () => {
    if (!active) return;
    active = false;
    const answer = await fetch(`/items/${desk.dataset.item}/keep`, { method: "POST", headers: { "x-csrf-token": csrf, accept: "application/json" } });
    if (answer.status === 409 || answer.status === 401) location.reload();
  }, 60_000);
}
