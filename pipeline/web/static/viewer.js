// The pages on the screen: one at a time, fitted, zoomed, panned, turned; the ink of a field is shown when the field is.

const STEP = 1.25; // a press of + or -
const LARGEST = 8;

const viewer = document.querySelector(".viewer");
const stage = viewer.querySelector(".stage");
const sheets = [...viewer.querySelectorAll(".sheet")];
const thumbs = [...viewer.querySelectorAll(".thumbs button")];
let now = 0;
let zoom = "fit"; // "fit", "wide" or a factor of the fitted size
let turned = 0; // by the person who looks, on top of what is kept with the page

const sheet = () => sheets[now];
const lies = () => (turned + Number(sheet().dataset.turn)) % 360;

// The size of the page as it lies, in CSS pixels, before zooming.
function fitted() {
  const element = sheet();
  const image = element.querySelector("img");
  const width = Number(element.dataset.width) || image?.naturalWidth || 850;
  const height = Number(element.dataset.height) || image?.naturalHeight || 1100;
  const [across, down] = lies() % 180 ? [height, width] : [width, height];
  const room = [stage.clientWidth - 24, stage.clientHeight - 24];
  const fit = Math.min(room[0] / across, room[1] / down);
  const scale = zoom === "wide" ? room[0] / across : zoom === "fit" ? fit : fit * zoom;
  return { width: width * scale, height: height * scale, across: across * scale, down: down * scale, factor: scale / fit };
}

export function draw() {
  const { width, height, across, down } = fitted();
  const style = sheet().style;
  style.setProperty("--w", `${width}px`);
  style.setProperty("--h", `${height}px`);
  style.setProperty("--across", `${across}px`);
  style.setProperty("--down", `${down}px`);
  sheet().dataset.turned = String(lies());
}

export function show(index) {
  now = Math.max(0, Math.min(sheets.length - 1, index));
  sheets.forEach((element, i) => (element.hidden = i !== now));
  thumbs.forEach((button, i) => button.toggleAttribute("aria-current", i === now));
  thumbs[now]?.scrollIntoView({ block: "nearest" });
  viewer.querySelector(".now").textContent = String(now + 1);
  draw();
}

// Zoom around the middle of what is seen.
function zoomTo(next) {
  const before = { x: (stage.scrollLeft + stage.clientWidth / 2) / stage.scrollWidth, y: (stage.scrollTop + stage.clientHeight / 2) / stage.scrollHeight };
  zoom = next;
  draw();
  stage.scrollLeft = before.x * stage.scrollWidth - stage.clientWidth / 2;
  stage.scrollTop = before.y * stage.scrollHeight - stage.clientHeight / 2;
}

const scaled = (by) => zoomTo(Math.max(0.5, Math.min(LARGEST, fitted().factor * by)));
const moves = {
  previous: () => show(now - 1),
  next: () => show(now + 1),
  in: () => scaled(STEP),
  out: () => scaled(1 / STEP),
  fit: () => zoomTo("fit"),
  wide: () => zoomTo("wide"),
  turn: () => {
    turned = (turned + 90) % 360;
    draw();
  },
};
viewer.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.view) moves[button.dataset.view]();
  else if (button?.dataset.page) show(Number(button.dataset.page));
});

// The ink of a field: its page comes up, its box is marked and scrolled into sight.
export function showInk(field, page) {
  for (const box of viewer.querySelectorAll("rect.ink")) box.classList.toggle("on", box.dataset.field === field);
  const index = sheets.findIndex((element) => element.dataset.number === String(page));
  if (index < 0) return;
  if (index !== now) show(index);
  const box = sheet().querySelector(`rect.ink[data-field="${CSS.escape(field)}"]`);
  box?.scrollIntoView({ block: "center", inline: "center" });
}
document.addEventListener("focusin", (event) => {
  const { field, at } = event.target.dataset ?? {};
  if (field) showInk(field, at);
});
document.addEventListener("click", (event) => {
  const button = event.target.closest(".show-ink");
  if (button) showInk(button.dataset.field, button.dataset.at);
});

// Ctrl and the wheel zoom; a drag pans.
stage.addEventListener("wheel", (event) => {
  if (!event.ctrlKey) return;
  event.preventDefault();
  scaled(event.deltaY < 0 ? STEP : 1 / STEP);
}, { passive: false });
let held = null;
stage.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || stage.dataset.drawing) return;
  held = { x: event.clientX, y: event.clientY, left: stage.scrollLeft, top: stage.scrollTop };
});
addEventListener("pointermove", (event) => {
  if (!held) return;
  stage.scrollLeft = held.left - (event.clientX - held.x);
  stage.scrollTop = held.top - (event.clientY - held.y);
});
addEventListener("pointerup", () => (held = null));
addEventListener("pointercancel", () => (held = null));

new ResizeObserver(draw).observe(stage);
for (const element of sheets) element.querySelector("img")?.addEventListener("load", draw);
const first = sheets.findIndex((element) => element.querySelector("rect.hit"));
show(first > 0 ? first : 0);
