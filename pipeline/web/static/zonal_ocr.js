// Zonal OCR: a box is drawn on the page, its text is read into a field, and the box is stored with the value.

const MIN_BOX_PX = 6; // page pixels: a smaller box is a click

const stage = document.querySelector(".stage");
const scan = document.querySelector(".workspace").dataset.scan;
let button = null; // the field's button, while a box is being drawn for it
let start = null;
let box = null;

const currentPage = () => document.querySelector(".page-view:not([hidden])");

// A point of the screen in pixels of the upright page, at any zoom and rotation.
function pagePoint(event) {
  const page = currentPage();
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(page.querySelector("svg").getScreenCTM().inverse());
  const clamp = (value, max) => Math.round(Math.max(0, Math.min(max, value)));
  return [clamp(point.x, Number(page.dataset.width)), clamp(point.y, Number(page.dataset.height))];
}

export function beginDrawing(fieldButton) {
  endDrawing();
  button = fieldButton;
  button.setAttribute("aria-pressed", "true");
  stage.dataset.drawing = button.dataset.draw;
}

function endDrawing() {
  button?.setAttribute("aria-pressed", "false");
  delete stage.dataset.drawing;
  button = start = null;
}

async function readBox(field, page, [x0, y0, x1, y1]) {
  const input = document.getElementById(`field-${field}`);
  input.setAttribute("aria-busy", "true");
  const response = await fetch(`/scans/${scan}/pages/${page}/text?${new URLSearchParams({ x0, y0, x1, y1 })}`, { headers: { accept: "application/json" } });
  input.removeAttribute("aria-busy");
  if (response.ok) {
    const { text } = await response.json();
    if (text) input.value = text;
  }
  storeBox(field, [page, x0, y0, x1, y1].join(","));
  input.focus();
}

function storeBox(field, value) {
  const form = document.getElementById("decision");
  const name = `box.${field}`;
  let input = form.querySelector(`[name="${name}"]`);
  if (!input) input = form.appendChild(Object.assign(document.createElement("input"), { type: "hidden", name }));
  input.value = value;
}

stage.addEventListener("pointerdown", (event) => {
  if (!button || !currentPage().querySelector("svg")) return;
  event.preventDefault();
  start = pagePoint(event);
  document.querySelectorAll("rect.drawn-box").forEach((old) => old.remove());
  box = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  box.classList.add("drawn-box");
  currentPage().querySelector("svg").append(box);
});
const corners = (end) => [Math.min(start[0], end[0]), Math.min(start[1], end[1]), Math.max(start[0], end[0]), Math.max(start[1], end[1])];
addEventListener("pointermove", (event) => {
  if (!start) return;
  const [x0, y0, x1, y1] = corners(pagePoint(event));
  for (const [name, value] of Object.entries({ x: x0, y: y0, width: x1 - x0, height: y1 - y0 })) box.setAttribute(name, value);
});
addEventListener("pointerup", (event) => {
  if (!start) return;
  const drawn = corners(pagePoint(event));
  const [field, page] = [button.dataset.draw, Number(currentPage().dataset.number)];
  endDrawing();
  if (drawn[2] - drawn[0] >= MIN_BOX_PX && drawn[3] - drawn[1] >= MIN_BOX_PX) readBox(field, page, drawn);
});
addEventListener("keydown", (event) => {
  if (event.key === "Escape") endDrawing();
});
for (const fieldButton of document.querySelectorAll(".draw-box")) fieldButton.addEventListener("click", () => beginDrawing(fieldButton));
