// A board that looks after itself: asks for the panels in sight, all at once, and puts in what changed.
import { settle } from "./live.js";

const root = document.querySelector("[data-board][data-url]");
const figures = new Map();
const MOST_ROUNDS = 30;
let busy = false;
let last = Date.now();

const panels = () => [...document.querySelectorAll("[data-board] [data-panel]")];
const shown = (panel) => !panel.closest("[hidden]");
const seen = new WeakSet();

// one request for everything in sight; what was not answered in time is asked for at once again
async function refresh(wanted) {
  if (busy || document.hidden || document.querySelector("[data-busy]")) return;
  busy = true;
  last = Date.now();
  document.getElementById("pulse")?.classList.add("busy");
  let well = true;
  try {
    let some = wanted ?? panels().filter((panel) => shown(panel) && seen.has(panel));
    for (let round = 0; some.length && round < MOST_ROUNDS; round += 1) {
      const later = new Set(await ask(some));
      some = some.filter((panel) => later.has(panel.dataset.panel));
    }
  } catch (error) {
    if (error instanceof TypeError || error.status) well = false;
    else throw error;
  } finally {
    busy = false;
    settle(well);
  }
}

async function ask(some) {
  const parts = some.map((panel) => `${panel.dataset.panel}=${panel.dataset.digest}`).join(",");
  const answer = await fetch(root.dataset.url + location.search, { headers: { "X-Vigil-Parts": parts } });
  if (answer.status === 304) return [];
  if (answer.redirected) { location.reload(); return []; }
  if (!answer.ok) throw Object.assign(new Error(answer.statusText), { status: answer.status });
  const { panels: fresh, later } = await answer.json();
  for (const panel of some) {
    const one = fresh[panel.dataset.panel];
    if (one) put(panel, one);
  }
  if (Object.keys(fresh).length) document.dispatchEvent(new CustomEvent("vigil-changed"));
  return later;
}

function put(panel, one) {
  panel.dataset.digest = one.digest;
  panel.classList.remove("waiting");
  panel.classList.toggle("bad", one.state === "bad");
  const words = panel.querySelector(".words");
  const at = words.firstElementChild?.scrollTop;
  words.innerHTML = one.html;
  if (at && words.firstElementChild) words.firstElementChild.scrollTop = at;
  panel.querySelector(".note").textContent = one.note;
  const source = panel.querySelector("script[type='application/json']");
  if (source) {
    figures.delete(panel);
    source.textContent = one.figure ? JSON.stringify(one.figure) : "";
    isolate(panel);
  }
  sort(panel);
}

// A click on a line of the legend shows it alone; another brings the others back.
function isolate(panel) {
  const source = panel.querySelector("script[type='application/json']");
  if (!figures.has(panel)) figures.set(panel, source.textContent);
  const only = panel.dataset.only;
  const text = figures.get(panel);
  if (!text) return;
  if (only === undefined || only === "") {
    source.textContent = text;
  } else {
    const figure = JSON.parse(text);
    figure.data.forEach((trace, place) => { trace.visible = String(place) === only; });
    source.textContent = JSON.stringify(figure);
  }
  for (const line of panel.querySelectorAll("[data-line]")) line.classList.toggle("off", Boolean(only) && line.dataset.line !== only);
}

function sort(panel) {
  const { sortBy, sortDown } = panel.dataset;
  const table = panel.querySelector("[data-sortable]");
  if (!table || sortBy === undefined) return;
  const down = sortDown === "1" ? -1 : 1;
  const key = (row) => row.cells[sortBy]?.dataset.at ?? "";
  const rows = [...table.tBodies[0].rows];
  const numeric = rows.every((row) => key(row) === "" || !Number.isNaN(Number(key(row))));
  rows.sort((a, b) => down * (numeric ? Number(key(a)) - Number(key(b)) : key(a).localeCompare(key(b))));
  table.tBodies[0].append(...rows);
  [...table.tHead.rows[0].cells].forEach((cell, place) => {
    if (String(place) === sortBy) cell.setAttribute("aria-sort", down < 0 ? "descending" : "ascending");
    else cell.removeAttribute("aria-sort");
  });
}

document.addEventListener("click", (event) => {
  const line = event.target.closest("[data-line]");
  const head = event.target.closest("[data-sort]");
  const fold = event.target.closest(".fold");
  const panel = event.target.closest("[data-panel]");
  if (line && panel) {
    panel.dataset.only = panel.dataset.only === line.dataset.line ? "" : line.dataset.line;
    isolate(panel);
    document.dispatchEvent(new CustomEvent("vigil-changed"));
  } else if (head && panel) {
    const same = panel.dataset.sortBy === head.dataset.sort;
    panel.dataset.sortDown = same && panel.dataset.sortDown !== "1" ? "1" : "0";
    panel.dataset.sortBy = head.dataset.sort;
    sort(panel);
  } else if (fold) {
    const open = fold.getAttribute("aria-expanded") !== "true";
    fold.setAttribute("aria-expanded", String(open));
    fold.closest(".section").querySelector(".board").hidden = !open;
  } else if (event.target.closest("[data-full]")) {
    document.documentElement.requestFullscreen?.();
  }
});

// the page is laid out anew before the window has another size
document.addEventListener("fullscreenchange", () => requestAnimationFrame(() => dispatchEvent(new Event("resize"))));

// the whole is one of many: choosing it clears the others, and the other way round
document.addEventListener("change", (event) => {
  const box = event.target.closest(".vars input[type=checkbox]");
  if (box) {
    for (const other of box.closest(".sheet").querySelectorAll("input[type=checkbox]")) {
      if (other !== box && (box.matches("[data-all]") || other.matches("[data-all]"))) other.checked = false;
    }
  }
  const file = event.target.closest("[data-into]");
  if (file?.files[0]) file.files[0].text().then((text) => { document.getElementById(file.dataset.into).value = text; });
});

// What depends on a variable that was changed keeps its choice only where that is still offered.
const touched = (field) => (field.matches("select") ? [...field.options].some((one) => one.selected !== one.defaultSelected)
  : field.type === "checkbox" ? field.checked !== field.defaultChecked : field.value !== field.defaultValue);
document.addEventListener("formdata", ({ target, formData }) => {
  if (!target.matches(".vars")) return;
  const fields = [...target.querySelectorAll("[name^=var-]")];
  const changed = new Set(fields.filter(touched).map((field) => field.name.slice(4)));
  for (const field of fields) {
    const name = field.name.slice(4);
    const needs = field.closest("[data-needs]")?.dataset.needs.split(" ") ?? [];
    if (changed.has(name) || !needs.some((one) => changed.has(one))) continue;
    for (const value of formData.getAll(field.name)) formData.append(`was-${name}`, value);
    formData.delete(field.name);
  }
});

document.addEventListener("input", (event) => {
  const field = event.target.closest("[data-filter]");
  if (!field) return;
  const sought = field.value.toLowerCase();
  for (const one of document.querySelectorAll(field.dataset.filter)) one.hidden = !one.textContent.toLowerCase().includes(sought);
});

if (root) {
  const seconds = Number(root.dataset.seconds);
  const eye = new IntersectionObserver((entries) => {
    const fresh = [];
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) seen.add(target); else seen.delete(target);
      if (isIntersecting && !target.dataset.digest) fresh.push(target);
    }
    if (fresh.length) waitAndAsk();
  }, { rootMargin: "200px" });
  let waiting = 0;
  const waitAndAsk = () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      if (busy) { waitAndAsk(); return; }
      const some = panels().filter((panel) => shown(panel) && seen.has(panel) && !panel.dataset.digest);
      if (some.length) refresh(some);
    }, 30);
  };
  panels().forEach((panel) => eye.observe(panel));
  if (seconds) {
    document.getElementById("pulse")?.classList.add("on");
    setInterval(() => { if (Date.now() - last >= seconds * 1000) refresh(); }, 500);
  }
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && seconds && Date.now() - last >= seconds * 1000) refresh();
  });
  document.addEventListener("vigil-refresh-now", () => refresh());
}
