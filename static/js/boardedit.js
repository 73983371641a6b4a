// Arranging a board: drag by the title, resize by the corner, both by the keyboard; nothing is kept before "Save".
const root = document.querySelector("[data-board].editing");
const COLUMNS = 24;
const form = document.getElementById("board-do");

const read = (panel) => Object.fromEntries(["x", "y", "w", "h"].map((name) => [name, Number(panel.style.getPropertyValue(`--${name}`))]));
const write = (panel, place) => { for (const [name, value] of Object.entries(place)) panel.style.setProperty(`--${name}`, value); };
const inside = (board) => [...board.querySelectorAll("[data-panel]")];
const apart = (a, b) => a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;

function unit(board) {
  const style = getComputedStyle(board);
  const gap = parseFloat(style.columnGap);
  return { x: (board.clientWidth + gap) / COLUMNS, y: parseFloat(style.gridAutoRows) + gap };
}

// the moved panel stays where it was put; all others make room downwards, then rise as far as they can
function arrange(board, moved) {
  const placed = [{ panel: moved, place: read(moved) }];
  const others = inside(board).filter((panel) => panel !== moved).map((panel) => ({ panel, place: read(panel) }));
  others.sort((a, b) => a.place.y - b.place.y || a.place.x - b.place.x);
  for (const one of others) {
    const free = () => placed.every((other) => apart(one.place, other.place));
    while (!free()) one.place.y += 1;
    while (one.place.y > 1) {
      one.place.y -= 1;
      if (!free()) { one.place.y += 1; break; }
    }
    placed.push(one);
  }
  for (const { panel, place } of placed) write(panel, place);
  changed();
}

function changed() {
  form.querySelector("[data-places]").disabled = false;
  form.dataset.dirty = "1";
  dispatchEvent(new Event("resize"));
}

function places() {
  let offset = 0;
  const found = [];
  for (const section of root.querySelectorAll("[data-section]")) {
    let bottom = offset;
    for (const panel of inside(section)) {
      const place = read(panel);
      bottom = Math.max(bottom, offset + place.y - 1 + place.h);
      // copies of a repeated panel follow the first
      if (!/[_-]/.test(panel.dataset.panel)) found.push({ ...place, x: place.x - 1, y: offset + place.y - 1, id: Number(panel.dataset.id), row: Number(section.dataset.section) });
    }
    offset = bottom + 1;
  }
  return found;
}

function limited(place) {
  const w = Math.min(Math.max(place.w, 2), COLUMNS);
  return { w, h: Math.max(place.h, 2), x: Math.min(Math.max(place.x, 1), COLUMNS - w + 1), y: Math.max(place.y, 1) };
}

function drag(event, panel, resizing) {
  const board = panel.closest(".board");
  const size = unit(board);
  const from = read(panel);
  const start = { x: event.clientX, y: event.clientY };
  const move = (now) => {
    const dx = Math.round((now.clientX - start.x) / size.x);
    const dy = Math.round((now.clientY - start.y) / size.y);
    write(panel, limited(resizing ? { ...from, w: from.w + dx, h: from.h + dy } : { ...from, x: from.x + dx, y: from.y + dy }));
  };
  const end = () => {
    removeEventListener("pointermove", move);
    panel.classList.remove("moving");
    board.classList.remove("drop");
    const now = read(panel);
    if (["x", "y", "w", "h"].some((name) => now[name] !== from[name])) arrange(board, panel);
  };
  panel.classList.add("moving");
  board.classList.add("drop");
  addEventListener("pointermove", move);
  addEventListener("pointerup", end, { once: true });
  event.preventDefault();
}

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

if (root && form) {
  for (const head of root.querySelectorAll(".panel > header")) { head.tabIndex = 0; head.setAttribute("role", "group"); }
  root.addEventListener("pointerdown", (event) => {
    const panel = event.target.closest("[data-panel]");
    if (!panel || event.button || event.target.closest("a, .tools button")) return;
    if (event.target.closest(".size")) drag(event, panel, true);
    else if (event.target.closest("header")) drag(event, panel, false);
  });
  root.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    const panel = event.target.closest("[data-panel]");
    if (!step || !panel || !event.target.matches(".size, header")) return;
    event.preventDefault();
    const from = read(panel);
    const [dx, dy] = step;
    write(panel, limited(event.target.matches(".size") ? { ...from, w: from.w + dx, h: from.h + dy } : { ...from, x: from.x + dx, y: from.y + dy }));
    arrange(panel.closest(".board"), panel);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-act]");
    if (!button) return;
    form.elements.do.value = button.dataset.act;
    form.elements.places.value = form.dataset.dirty ? JSON.stringify(places()) : "";
    delete form.dataset.dirty;
  });
  addEventListener("beforeunload", (event) => { if (form.dataset.dirty) event.preventDefault(); });
}
