// The pages of a scan as tiles in a row of documents: begin, leave out, move, turn; the form sends what is shown.

const list = document.getElementById("tiles");
const told = document.getElementById("told");
const tiles = () => [...list.querySelectorAll(".tile")];
const out = (tile) => tile.dataset.out === "yes";

// Documents as they stand: a tile that begins one, and those after it until the next.
function groups() {
  const found = [];
  for (const tile of tiles()) {
    if (out(tile)) continue;
    if (tile.dataset.starts === "yes" || !found.length) found.push([]);
    found.at(-1).push(Number(tile.dataset.number));
  }
  return found;
}

function draw() {
  const place = new Map();
  groups().forEach((pages, i) => pages.forEach((page, j) => place.set(page, { document: i + 1, first: j === 0, page: j + 1, of: pages.length })));
  for (const tile of tiles()) {
    const at = place.get(Number(tile.dataset.number));
    tile.classList.toggle("first", Boolean(at?.first));
    tile.dataset.odd = at ? String(at.document % 2) : "";
    tile.querySelector(".belongs").textContent = at ? `Document ${at.document}, ${at.page} of ${at.of}` : "left out";
    tile.querySelector("[data-do=start]").setAttribute("aria-pressed", String(Boolean(at?.first)));
    tile.querySelector("[data-do=out]").setAttribute("aria-pressed", String(!at));
  }
}

function act(tile, what) {
  if (what === "start") tile.dataset.starts = tile.classList.contains("first") && tile !== tiles().find((t) => !out(t)) ? "no" : "yes";
  if (what === "out") tile.dataset.out = out(tile) ? "no" : "yes";
  if (what === "turn") tile.dataset.turn = String((Number(tile.dataset.turn) + 90) % 360);
  if (what === "back") tile.previousElementSibling?.before(tile);
  if (what === "on") tile.nextElementSibling?.after(tile);
  draw();
  focus(tile);
  const lies = tile.dataset.turn === "0" ? "" : `, turned by ${tile.dataset.turn} degrees`;
  told.textContent = `Page ${tile.dataset.number}: ${tile.querySelector(".belongs").textContent}${lies}`;
}

function focus(tile) {
  if (!tile) return;
  for (const other of tiles()) other.querySelector(".page-button").tabIndex = other === tile ? 0 : -1;
  tile.querySelector(".page-button").focus();
}

// How many tiles stand in a row, to move up and down.
const across = () => Math.max(1, tiles().findIndex((tile) => tile.offsetTop > tiles()[0].offsetTop));

list?.addEventListener("keydown", (event) => {
  const tile = event.target.closest(".tile");
  if (!tile || event.ctrlKey || event.metaKey || event.altKey) return;
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across(), ArrowUp: -across() };
  const acts = { b: "start", x: "out", "[": "back", "]": "on", r: "turn" };
  if (steps[event.key]) focus(tiles()[tiles().indexOf(tile) + steps[event.key]]);
  else if (acts[event.key]) act(tile, acts[event.key]);
  else return;
  event.preventDefault();
  event.stopPropagation();
});
list?.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (button) act(button.closest(".tile"), button.dataset.do);
  else if (event.target.closest(".page-button")) focus(event.target.closest(".tile"));
});

document.getElementById("arrange").addEventListener("submit", (event) => {
  const left = tiles().filter(out).map((tile) => Number(tile.dataset.number));
  const turned = tiles().filter((tile) => tile.dataset.turn !== "0").map((tile) => [tile.dataset.number, Number(tile.dataset.turn)]);
  const sent = { groups: groups(), left_out: left, turns: Object.fromEntries(turned), seen: JSON.parse(list.dataset.seen) };
  event.target.elements.arrangement.value = JSON.stringify(sent);
});
document.getElementById("again").addEventListener("click", () => location.reload());
if (list) {
  draw();
  focus(tiles()[0]);
}
