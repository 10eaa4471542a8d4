// The page viewer: one page at a time; fit, zoom, pan, rotate; the box of a field is shown when the field is focused.

const ZOOM_STEP = 1.25;
const MIN_ZOOM = 0.5;
const MAX_ZOOM = 8;
const PADDING_PX = 24;
const DEFAULT_WIDTH = 850; // of a page whose size is unknown
const DEFAULT_HEIGHT = 1100;

const viewer = document.querySelector(".viewer");
const stage = viewer.querySelector(".stage");
const pages = [...viewer.querySelectorAll(".page-view")];
const thumbnails = [...viewer.querySelectorAll(".thumbnails button")];
let current = 0;
let zoom = "fit"; // "fit", "fit-width" or a factor of the fitted size
let viewRotation = 0; // by the viewer, in addition to the rotation that is stored with the page

const currentPage = () => pages[current];
const totalRotation = () => (viewRotation + Number(currentPage().dataset.rotation)) % 360;

// The displayed size of the page in CSS pixels, before and after rotation.
function displaySize() {
  const element = currentPage();
  const image = element.querySelector("img");
  const width = Number(element.dataset.width) || image?.naturalWidth || DEFAULT_WIDTH;
  const height = Number(element.dataset.height) || image?.naturalHeight || DEFAULT_HEIGHT;
  const [rotatedWidth, rotatedHeight] = totalRotation() % 180 ? [height, width] : [width, height];
  const [roomWidth, roomHeight] = [stage.clientWidth - PADDING_PX, stage.clientHeight - PADDING_PX];
  const fit = Math.min(roomWidth / rotatedWidth, roomHeight / rotatedHeight);
  const scale = zoom === "fit-width" ? roomWidth / rotatedWidth : zoom === "fit" ? fit : fit * zoom;
  return {
    width: width * scale,
    height: height * scale,
    rotatedWidth: rotatedWidth * scale,
    rotatedHeight: rotatedHeight * scale,
    factor: scale / fit,
  };
}

export function draw() {
  const { width, height, rotatedWidth, rotatedHeight } = displaySize();
  const style = currentPage().style;
  style.setProperty("--width", `${width}px`);
  style.setProperty("--height", `${height}px`);
  style.setProperty("--rotated-width", `${rotatedWidth}px`);
  style.setProperty("--rotated-height", `${rotatedHeight}px`);
  currentPage().dataset.viewRotation = String(totalRotation());
}

export function showPage(index) {
  current = Math.max(0, Math.min(pages.length - 1, index));
  pages.forEach((element, i) => (element.hidden = i !== current));
  thumbnails.forEach((button, i) => button.toggleAttribute("aria-current", i === current));
  thumbnails[current]?.scrollIntoView({ block: "nearest" });
  viewer.querySelector(".current-page").textContent = String(current + 1);
  draw();
}

// Zoom around the center of the visible part.
function setZoom(next) {
  const center = {
    x: (stage.scrollLeft + stage.clientWidth / 2) / stage.scrollWidth,
    y: (stage.scrollTop + stage.clientHeight / 2) / stage.scrollHeight,
  };
  zoom = next;
  draw();
  stage.scrollLeft = center.x * stage.scrollWidth - stage.clientWidth / 2;
  stage.scrollTop = center.y * stage.scrollHeight - stage.clientHeight / 2;
}

const zoomBy = (factor) => setZoom(Math.max(MIN_ZOOM, Math.min(MAX_ZOOM, displaySize().factor * factor)));
const commands = {
  previous: () => showPage(current - 1),
  next: () => showPage(current + 1),
  "zoom-in": () => zoomBy(ZOOM_STEP),
  "zoom-out": () => zoomBy(1 / ZOOM_STEP),
  fit: () => setZoom("fit"),
  "fit-width": () => setZoom("fit-width"),
  rotate: () => {
    viewRotation = (viewRotation + 90) % 360;
    draw();
  },
};
viewer.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.command) commands[button.dataset.command]();
  else if (button?.dataset.page) showPage(Number(button.dataset.page));
});

// Show the page of a field, mark its box and scroll to it.
export function showFieldBox(field, pageNumber) {
  for (const box of viewer.querySelectorAll("rect.field-box")) box.classList.toggle("active", box.dataset.field === field);
  const index = pages.findIndex((element) => element.dataset.number === String(pageNumber));
  if (index < 0) return;
  if (index !== current) showPage(index);
  const box = currentPage().querySelector(`rect.field-box[data-field="${CSS.escape(field)}"]`);
  box?.scrollIntoView({ block: "center", inline: "center" });
}
document.addEventListener("focusin", (event) => {
  const { field, pageNumber } = event.target.dataset ?? {};
  if (field) showFieldBox(field, pageNumber);
});
document.addEventListener("click", (event) => {
  const button = event.target.closest(".show-box");
  if (button) showFieldBox(button.dataset.field, button.dataset.pageNumber);
});

// Ctrl with the wheel zooms; dragging pans.
stage.addEventListener("wheel", (event) => {
  if (!event.ctrlKey) return;
  event.preventDefault();
  zoomBy(event.deltaY < 0 ? ZOOM_STEP : 1 / ZOOM_STEP);
}, { passive: false });
let drag = null;
stage.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || stage.dataset.drawing) return;
  drag = { x: event.clientX, y: event.clientY, left: stage.scrollLeft, top: stage.scrollTop };
});
addEventListener("pointermove", (event) => {
  if (!drag) return;
  stage.scrollLeft = drag.left - (event.clientX - drag.x);
  stage.scrollTop = drag.top - (event.clientY - drag.y);
});
addEventListener("pointerup", () => (drag = null));
addEventListener("pointercancel", () => (drag = null));

new ResizeObserver(draw).observe(stage);
for (const element of pages) element.querySelector("img")?.addEventListener("load", draw);
const firstHighlighted = pages.findIndex((element) => element.querySelector("rect.highlight-box"));
showPage(Math.max(firstHighlighted, 0));
