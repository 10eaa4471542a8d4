// The pages of a scan as tiles: start a document, exclude, move, rotate; the form submits the displayed arrangement.

const list = document.getElementById("tiles");
const announcement = document.getElementById("announcement");
const tiles = () => [...list.querySelectorAll(".tile")];
const isExcluded = (tile) => tile.dataset.excluded === "yes";

// The page numbers of each document: a tile that starts one, and those after it until the next.
function documents() {
  const groups = [];
  for (const tile of tiles()) {
    if (isExcluded(tile)) continue;
    if (tile.dataset.startsDocument === "yes" || !groups.length) groups.push([]);
    groups.at(-1).push(Number(tile.dataset.number));
  }
  return groups;
}

function draw() {
  const positions = new Map();
  documents().forEach((pages, i) => pages.forEach((page, j) => positions.set(page, { document: i + 1, page: j + 1, of: pages.length })));
  for (const tile of tiles()) {
    const position = positions.get(Number(tile.dataset.number));
    const isFirst = position?.page === 1;
    tile.classList.toggle("first", isFirst);
    tile.dataset.parity = position ? String(position.document % 2) : "";
    tile.querySelector(".tile-document").textContent = position ? `Document ${position.document}, page ${position.page} of ${position.of}` : "excluded";
    tile.querySelector("[data-command=start]").setAttribute("aria-pressed", String(isFirst));
    tile.querySelector("[data-command=exclude]").setAttribute("aria-pressed", String(!position));
  }
}

const commands = {
  start: (tile) => {
    const isFirstOfScan = tile === tiles().find((other) => !isExcluded(other));
    tile.dataset.startsDocument = tile.classList.contains("first") && !isFirstOfScan ? "no" : "yes";
  },
  exclude: (tile) => (tile.dataset.excluded = isExcluded(tile) ? "no" : "yes"),
  rotate: (tile) => (tile.dataset.rotation = String((Number(tile.dataset.rotation) + 90) % 360)),
  "move-left": (tile) => tile.previousElementSibling?.before(tile),
  "move-right": (tile) => tile.nextElementSibling?.after(tile),
};

function run(command, tile) {
  commands[command](tile);
  draw();
  focusTile(tile);
  const rotation = tile.dataset.rotation === "0" ? "" : `, rotated by ${tile.dataset.rotation} degrees`;
  announcement.textContent = `Page ${tile.dataset.number}: ${tile.querySelector(".tile-document").textContent}${rotation}`;
}

function focusTile(tile) {
  if (!tile) return;
  for (const other of tiles()) other.querySelector(".page-button").tabIndex = other === tile ? 0 : -1;
  tile.querySelector(".page-button").focus();
}

const tilesPerRow = () => Math.max(1, tiles().findIndex((tile) => tile.offsetTop > tiles()[0].offsetTop));

list?.addEventListener("keydown", (event) => {
  const tile = event.target.closest(".tile");
  if (!tile || event.ctrlKey || event.metaKey || event.altKey) return;
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: tilesPerRow(), ArrowUp: -tilesPerRow() };
  const shortcuts = { b: "start", x: "exclude", r: "rotate", "[": "move-left", "]": "move-right" };
  if (steps[event.key]) focusTile(tiles()[tiles().indexOf(tile) + steps[event.key]]);
  else if (shortcuts[event.key]) run(shortcuts[event.key], tile);
  else return;
  event.preventDefault();
  event.stopPropagation();
});
list?.addEventListener("click", (event) => {
  const button = event.target.closest("[data-command]");
  if (button) run(button.dataset.command, button.closest(".tile"));
  else if (event.target.closest(".page-button")) focusTile(event.target.closest(".tile"));
});

document.getElementById("arrange").addEventListener("submit", (event) => {
  const rotated = tiles().filter((tile) => tile.dataset.rotation !== "0");
  const arrangement = {
    groups: documents(),
    excluded: tiles().filter(isExcluded).map((tile) => Number(tile.dataset.number)),
    rotations: Object.fromEntries(rotated.map((tile) => [tile.dataset.number, Number(tile.dataset.rotation)])),
    revisions: JSON.parse(list.dataset.revisions),
  };
  event.target.elements.arrangement.value = JSON.stringify(arrangement);
});
document.getElementById("reset").addEventListener("click", () => location.reload());
if (list) {
  draw();
  focusTile(tiles()[0]);
}
