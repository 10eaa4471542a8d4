// The form of a review item: the search for another patient, the type chips, and the renewal of the claim.

const workspace = document.querySelector(".workspace");
const form = document.getElementById("decision");
const csrf = document.querySelector("meta[name=csrf]").content;
const isClaimed = workspace.dataset.claimed === "yes";

// Enter goes to the next field. Filing takes Ctrl+Enter or the button, so that it does not happen by accident.
form?.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.ctrlKey || !event.target.matches(".field input")) return;
  event.preventDefault();
  const fields = [...form.querySelectorAll(".field input")];
  fields[fields.indexOf(event.target) + 1]?.focus();
});

const typeSelect = document.getElementById("type");
const chips = [...document.querySelectorAll(".chip")];
const updateChips = () => chips.forEach((chip) => chip.setAttribute("aria-pressed", String(chip.dataset.type === typeSelect.value)));
chips.forEach((chip) =>
  chip.addEventListener("click", () => {
    typeSelect.value = chip.dataset.type;
    updateChips();
  }),
);
typeSelect?.addEventListener("change", updateChips);
if (typeSelect) updateChips();

// Another patient: a combobox over the patient index.
const SEARCH_DELAY_MS = 150;
const MIN_QUERY_LENGTH = 2;
const searchInput = document.getElementById("patient-search");
const resultList = document.getElementById("patient-results");
const chosen = document.getElementById("patient-chosen");
let results = [];
let activeIndex = -1;
let lastRequest = 0;

const describe = (patient, parts) => [patient.name, patient.born, ...parts].filter(Boolean).join(" · ");
const mrnText = (patient) => patient.mrn && `MRN ${patient.mrn}`;

function resultOption(patient, index) {
  const option = document.createElement("li");
  option.id = `result-${index}`;
  option.role = "option";
  option.setAttribute("aria-selected", "false");
  option.textContent = describe(patient, [patient.sex, mrnText(patient), patient.city]);
  option.addEventListener("mousedown", (event) => {
    event.preventDefault();
    choose(index);
  });
  return option;
}

function showResults(patients) {
  results = patients;
  activeIndex = -1;
  resultList.replaceChildren(...patients.map(resultOption));
  if (!patients.length && searchInput.value.trim()) {
    const option = document.createElement("li");
    option.role = "option";
    option.setAttribute("aria-disabled", "true");
    option.textContent = "No patients found";
    resultList.append(option);
  }
  resultList.hidden = !resultList.children.length;
  searchInput.setAttribute("aria-expanded", String(!resultList.hidden));
}

function setActive(index) {
  activeIndex = index;
  [...resultList.children].forEach((option, i) => option.setAttribute("aria-selected", String(i === activeIndex)));
  if (activeIndex >= 0) searchInput.setAttribute("aria-activedescendant", `result-${activeIndex}`);
  else searchInput.removeAttribute("aria-activedescendant");
  resultList.children[activeIndex]?.scrollIntoView({ block: "nearest" });
}

async function showComparison(patient, container) {
  const response = await fetch(`/items/${workspace.dataset.item}/patients/${patient.id}`);
  if (response.ok && container.isConnected) container.innerHTML = await response.text();
}

function choose(index) {
  const patient = results[index];
  if (!patient) return;
  const label = document.createElement("label");
  const radio = Object.assign(document.createElement("input"), { type: "radio", name: "patient", value: patient.id, checked: true });
  label.append(radio, ` ${describe(patient, [mrnText(patient)])}`);
  const comparison = document.createElement("div");
  chosen.replaceChildren(label, comparison);
  showComparison(patient, comparison);
  chosen.hidden = false;
  searchInput.value = "";
  showResults([]);
  radio.focus();
}

async function search(request) {
  if (request !== lastRequest) return; // the text has changed since
  const query = searchInput.value.trim();
  if (query.length < MIN_QUERY_LENGTH) return showResults([]);
  const response = await fetch(`/patients.json?q=${encodeURIComponent(query)}`, { headers: { accept: "application/json" } });
  if (request === lastRequest) showResults(response.ok ? await response.json() : []);
}

searchInput?.addEventListener("input", () => {
  const request = ++lastRequest;
  setTimeout(() => search(request), SEARCH_DELAY_MS);
});
searchInput?.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    const step = event.key === "ArrowDown" ? 1 : -1;
    setActive((activeIndex + step + results.length) % (results.length || 1));
  } else if (event.key === "Enter") {
    event.preventDefault();
    choose(Math.max(activeIndex, 0));
  } else if (event.key === "Escape") {
    showResults([]);
  }
});
searchInput?.addEventListener("blur", () => setTimeout(() => showResults([]), SEARCH_DELAY_MS));

// The next item's page image is loaded in advance, after this page has been painted.
const nextPreview = document.querySelector(".panel").dataset.nextPreview;
const PREFETCH_DELAY_MS = 250; // after loading; without a delay it held this page's paint up by 35 ms
if (isClaimed && nextPreview) addEventListener("load", () => setTimeout(() => (new Image().src = nextPreview), PREFETCH_DELAY_MS));

// The claim is renewed while the user is active; on an idle screen it expires.
const RENEWAL_INTERVAL_MS = 60_000;
if (isClaimed) {
  let isActive = true;
  for (const type of ["keydown", "pointerdown", "wheel"]) addEventListener(type, () => (isActive = true), { passive: true });
  setInterval(async () => {
    if (!isActive) return;
    isActive = false;
    const response = await fetch(`/items/${workspace.dataset.item}/renew`, { method: "POST", headers: { "x-csrf-token": csrf, accept: "application/json" } });
    if (response.status === 409 || response.status === 401) location.reload();
  }, RENEWAL_INTERVAL_MS);
}
