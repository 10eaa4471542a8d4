// Drawing a box on the page: its text is read into a field, and the box is kept as where the value stands.

const SMALLEST = 6; // page pixels: less is a click, not a box

const stage = document.querySelector(".stage");
const scan = document.querySelector(".desk").dataset.scan;
let button = null; // the field's, while a box is being drawn for it
let from = null;
let box = null;

const sheet = () => document.querySelector(".sheet:not([hidden])");

// A point of the screen in pixels of the upright page, whatever the zoom and the turn.
function onPage(event) {
  const svg = sheet().querySelector("svg");
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  const [width, height] = [Number(sheet().dataset.width), Number(sheet().dataset.height)];
  return [Math.round(Math.max(0, Math.min(width, point.x))), Math.round(Math.max(0, Math.min(height, point.y)))];
}

export function begin(next) {
  end();
  button = next;
  button.setAttribute("aria-pressed", "true");
  stage.dataset.drawing = button.dataset.draw;
}

function end() {
  button?.setAttribute("aria-pressed", "false");
  delete stage.dataset.drawing;
  button = from = null;
}

async function read(name, page, [x0, y0, x1, y1]) {
  const input = document.getElementById(`field-${name}`);
  input.setAttribute("aria-busy", "true");
  const answer = await fetch(`/scans/${scan}/pages/${page}/text?${new URLSearchParams({ x0, y0, x1, y1 })}`, { headers: { accept: "application/json" } });
  input.removeAttribute("aria-busy");
  if (answer.ok) {
    const { text } = await answer.json();
    if (text) input.value = text;
  }
  const form = document.getElementById("decision");
  const ink = form.querySelector(`[name="ink.${name}"]`) ?? form.appendChild(Object.assign(document.createElement("input"), { type: "hidden", name: `ink.${name}` }));
  ink.value = [page, x0, y0, x1, y1].join(",");
  input.focus();
}

stage.addEventListener("pointerdown", (event) => {
  if (!button || !sheet().querySelector("svg")) return;
  event.preventDefault();
  from = onPage(event);
  document.querySelectorAll("rect.drawn").forEach((old) => old.remove());
  box = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  box.classList.add("drawn");
  sheet().querySelector("svg").append(box);
});
const corners = (to) => [Math.min(from[0], to[0]), Math.min(from[1], to[1]), Math.max(from[0], to[0]), Math.max(from[1], to[1])];
addEventListener("pointermove", (event) => {
  if (!from) return;
  const [x0, y0, x1, y1] = corners(onPage(event));
  for (const [name, value] of Object.entries({ x: x0, y: y0, width: x1 - x0, height: y1 - y0 })) box.setAttribute(name, value);
});
addEventListener("pointerup", (event) => {
  if (!from) return;
  const drawn = corners(onPage(event));
  const [name, page] = [button.dataset.draw, Number(sheet().dataset.number)];
  end();
  if (drawn[2] - drawn[0] >= SMALLEST && drawn[3] - drawn[1] >= SMALLEST) read(name, page, drawn);
});
addEventListener("keydown", (event) => {
  if (event.key === "Escape") end();
});
for (const draw of document.querySelectorAll(".draw")) draw.addEventListener("click", () => begin(draw));
