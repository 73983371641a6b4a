// Draws the figures the server made. Colours come from the stylesheet, times move into the viewer's zone.
import { isDark } from "./theme.js";

const drawn = new Map();
let loading;

export function plotly() {
  loading ||= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = document.getElementById("live").dataset.plotly;
    script.onload = () => resolve(window.Plotly);
    script.onerror = reject;
    document.head.append(script);
  });
  return loading;
}

const probe = document.createElement("span");
probe.hidden = true;
document.body.append(probe);
const colours = new Map();

function colour(token) {
  if (!colours.has(token)) {
    probe.style.color = token;
    colours.set(token, getComputedStyle(probe).color);
  }
  return colours.get(token);
}

function painted(part) {
  if (typeof part === "string") return part.startsWith("var(--") ? colour(part) : part;
  if (Array.isArray(part)) return typeof part[0] === "number" ? part : part.map(painted);
  if (part && typeof part === "object") {
    return Object.fromEntries(Object.entries(part).map(([name, inside]) => [name, painted(inside)]));
  }
  return part;
}

// Plotly shows moments as if they were UTC, so they are shifted by the zone of the middle of the chart.
function shiftOf(layout) {
  const middle = layout.xaxis?.range ? (layout.xaxis.range[0] + layout.xaxis.range[1]) / 2 : Date.now();
  return -new Date(middle).getTimezoneOffset() * 60000;
}

function local(figure) {
  const { data, layout } = figure;
  if (layout.xaxis?.type !== "date") return;
  const shift = shiftOf(layout);
  const moved = (value) => (typeof value === "number" ? value + shift : value);
  for (const trace of data) {
    if (trace.base) trace.base = trace.base.map(moved);
    else if (trace.x) trace.x = trace.x.map(moved);
    if ("x0" in trace) trace.x0 = moved(trace.x0);
  }
  if (layout.xaxis.range) layout.xaxis.range = layout.xaxis.range.map(moved);
  for (const shape of layout.shapes || []) {
    if (shape.xref === "x") { shape.x0 = moved(shape.x0); shape.x1 = moved(shape.x1); }
  }
}

// The library speaks English only; numbers are understood everywhere.
function dates() {
  const hover = { hoverformat: "%Y-%m-%d %H:%M:%S" };
  if (document.documentElement.lang.startsWith("en")) return hover;
  return {
    ...hover,
    tickformatstops: [
      { dtickrange: [null, 60000], value: "%H:%M:%S" },
      { dtickrange: [60000, 86400000], value: "%H:%M\n%m-%d" },
      { dtickrange: [86400000, "M1"], value: "%m-%d" },
      { dtickrange: ["M1", null], value: "%Y-%m" },
    ],
  };
}

function dressed(figure) {
  const text = colour("var(--muted)");
  const grid = colour("var(--grid)");
  const axis = { gridcolor: grid, zerolinecolor: grid, linecolor: grid, automargin: true, spikecolor: text, fixedrange: false };
  const { layout } = figure;
  for (const name of Object.keys(layout)) {
    if (/^[xy]axis\d*$/.test(name)) layout[name] = { ...axis, ...layout[name] };
  }
  if (layout.xaxis?.type === "date") Object.assign(layout.xaxis, dates());
  if (layout.yaxis && layout.xaxis?.type === "date") layout.yaxis.fixedrange = true;
  // long names beside a chart would leave no room for it in a pocket
  if (layout.yaxis?.type === "category" && innerWidth < 600) layout.yaxis.ticklabelposition = "inside";
  layout.paper_bgcolor = "rgba(0,0,0,0)";
  // spike lines get an outline in this colour
  layout.plot_bgcolor = colour("var(--card)");
  if (layout.yaxis) layout.yaxis.showspikes = false;
  layout.font = { family: getComputedStyle(document.body).fontFamily, size: 11, color: text };
  layout.hoverlabel = { bgcolor: colour("var(--raised)"), bordercolor: grid, font: { color: colour("var(--text)") } };
  layout.legend = { ...layout.legend, itemclick: "toggleothers", itemdoubleclick: "toggle" };
  layout.dragmode = "zoom";
  return figure;
}

// a filled line: its colour, mostly see-through
function filled(figure) {
  for (const trace of figure.data) {
    if (trace.meta?.fill) trace.fillcolor = trace.fillcolor.replace(/^rgb\((.*)\)$/, `rgba($1, ${trace.meta.fill * 0.6})`);
  }
  return figure;
}

function read(id) {
  const source = document.getElementById(id);
  return source ? source.textContent : "";
}

export async function draw(element) {
  const text = read(element.dataset.figure);
  const mark = `${isDark()} ${text}`;
  if (!text || drawn.get(element) === mark) return;
  drawn.set(element, mark);
  const Plotly = await plotly();
  const figure = filled(dressed(painted(JSON.parse(text))));
  local(figure);
  const first = !element.classList.contains("js-plotly-plot");
  await Plotly.react(element, figure.data, figure.layout, { displayModeBar: false, responsive: true, doubleClick: "reset" });
  if (first) listen(element, Plotly);
}

const isTimed = (element) => element.layout?.xaxis?.type === "date";

// Plotly's dates are texts in the shifted zone.
const moment = (text) => new Date(`${text}Z`.replace(" ", "T")).getTime();

function listen(element, Plotly) {
  element.on("plotly_relayout", (change) => {
    const from = change["xaxis.range[0]"];
    const to = change["xaxis.range[1]"];
    if (!isTimed(element) || from === undefined) return;
    const shift = shiftOf(JSON.parse(read(element.dataset.figure)).layout);
    const [a, b] = [from, to].map((value) => Math.round((moment(value) - shift) / 1000));
    if (!(b - a >= 10)) return;
    const address = new URL(location.href);
    for (const name of ["range", "before"]) address.searchParams.delete(name);
    address.searchParams.set("from", a);
    address.searchParams.set("to", b);
    location.assign(address);
  });
  element.on("plotly_click", (event) => {
    const link = event.points?.[0]?.customdata;
    if (typeof link === "string" && link.startsWith("/")) location.assign(link);
  });
  element.on("plotly_hover", (event) => shareCrosshair(element, event, Plotly));
  element.on("plotly_unhover", (event) => shareCrosshair(element, { event: event?.event }, Plotly));
}

// One cross-hair for all time charts of the page. Only a real pointer leads; what follows must not lead back.
function shareCrosshair(from, event, Plotly) {
  if (!event?.event?.isTrusted || !isTimed(from)) return;
  const at = event.xvals ? moment(event.xvals[0]) : null;
  for (const other of document.querySelectorAll(".plot.js-plotly-plot")) {
    if (other === from || !isTimed(other)) continue;
    if (at) Plotly.Fx.hover(other, { xval: at }, "xy");
    else Plotly.Fx.unhover(other);
  }
}

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    entry.target.dataset.seen = "1";
    draw(entry.target);
  }
}, { rootMargin: "300px" });

function scan() {
  for (const element of document.querySelectorAll(".plot")) {
    if (element.dataset.seen) draw(element);
    else seen.observe(element);
  }
  for (const details of document.querySelectorAll(".behind[open]")) fill(details);
}

// The table behind a chart is built from the same figure when it is opened.
function fill(details) {
  const figure = JSON.parse(read(details.dataset.figure) || "null");
  if (!figure) return;
  const table = document.createElement("table");
  for (const trace of figure.data) rows(table, trace, figure.layout);
  details.querySelector(".scroll").replaceChildren(table);
}

function rows(table, trace, layout) {
  const timed = layout.xaxis?.type === "date";
  const n = (trace.y || trace.x || []).length;
  const across = (index) => (trace.x ? trace.x[index] : trace.x0 + index * trace.dx);
  const said = (value) => (timed && typeof value === "number" && value > 1e11 ? new Date(value).toLocaleString(document.documentElement.lang) : value ?? "—");
  const head = table.insertRow();
  const cell = document.createElement("th");
  cell.colSpan = 2;
  cell.scope = "colgroup";
  cell.textContent = trace.name || "";
  head.append(cell);
  for (let index = 0; index < Math.min(n, 400); index += 1) {
    const row = table.insertRow();
    row.insertCell().textContent = said(across(index));
    row.insertCell().textContent = said(trace.y?.[index]);
  }
}

document.addEventListener("toggle", (event) => {
  if (event.target.matches?.(".behind[open]")) fill(event.target);
}, true);
// paper has no scrolling: what was not in sight yet is drawn before
addEventListener("beforeprint", () => document.querySelectorAll(".plot").forEach(draw));
if (document.body.classList.contains("report")) document.querySelectorAll(".plot").forEach(draw);
document.addEventListener("vigil-theme", () => { colours.clear(); scan(); });
document.addEventListener("vigil-changed", scan);
scan();
