// Keyboard: "/" search, "g o" pages, "t z" time, "r" refresh, digits rate, "?" help.
// the first key of two waits this long for the second
const PATIENCE_MS = 5000;
let before = "";
let since = 0;

const follow = (selector) => document.querySelector(selector)?.click();

const plain = {
  "/": () => document.querySelector("[data-search]")?.focus(),
  "?": () => document.getElementById("help")?.showModal(),
  r: () => document.dispatchEvent(new CustomEvent("vigil-refresh-now")),
};
const after = {
  g: (key) => follow(`.rail a[data-key="${CSS.escape(key)}"]`),
  t: (key) => follow({ z: "[data-zoom-out]", ArrowLeft: "[data-shift='-1']", ArrowRight: "[data-shift='1']" }[key] || "nothing"),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") {
    for (const menu of document.querySelectorAll("details[data-menu][open]")) menu.open = false;
    if (event.target.matches("[data-search]")) event.target.blur();
    return;
  }
  if (event.target.closest("input, textarea, select, [contenteditable], dialog[open]")) return;
  const waiting = event.timeStamp - since < PATIENCE_MS ? before : "";
  before = "";
  if (after[waiting]) {
    event.preventDefault();
    after[waiting](event.key);
  } else if (after[event.key]) {
    before = event.key;
    since = event.timeStamp;
  } else if (plain[event.key]) {
    event.preventDefault();
    plain[event.key]();
  } else if (event.key.length === 1 && document.querySelector(`[data-press="${CSS.escape(event.key)}"]`)) {
    event.preventDefault();
    follow(`[data-press="${CSS.escape(event.key)}"]`);
  } else if (/^[0-5]$/.test(event.key)) {
    follow(`.rate button[value="${event.key}"]`);
  }
});
