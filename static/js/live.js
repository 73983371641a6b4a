// Refresh: asks for the parts that changed, only while someone looks. htmx puts them in place.
const live = document.getElementById("live");
const pulse = document.getElementById("pulse");
const stale = document.getElementById("stale");
let etag = "";
let last = Date.now();

function known() {
  const parts = document.querySelectorAll("[data-part]");
  return Array.from(parts, (part) => `${part.dataset.part}=${part.dataset.digest}`).join(",");
}

function refresh() {
  if (!live || document.hidden || document.querySelector("[data-busy]")) return;
  last = Date.now();
  pulse?.classList.add("busy");
  live.dispatchEvent(new CustomEvent("vigil-refresh"));
}

export function settle(well) {
  pulse?.classList.remove("busy");
  pulse?.classList.toggle("on", well);
  pulse?.classList.toggle("bad", !well);
  if (stale) stale.hidden = well;
}

// a board asks for its own panels
if (live && !document.querySelector("[data-board][data-url]")) {
  const seconds = Number(live.dataset.seconds);
  if (seconds && document.querySelector("[data-part]")) {
    pulse?.classList.add("on");
    setInterval(() => { if (Date.now() - last >= seconds * 1000) refresh(); }, 1000);
  }
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && seconds && Date.now() - last >= seconds * 1000) refresh();
  });
  document.addEventListener("vigil-refresh-now", refresh);
  document.body.addEventListener("htmx:configRequest", (event) => {
    if (event.target !== live) return;
    event.detail.headers["X-Vigil-Parts"] = known();
    if (etag) event.detail.headers["If-None-Match"] = etag;
  });
  document.body.addEventListener("htmx:afterRequest", (event) => {
    if (event.target !== live) return;
    const { xhr } = event.detail;
    // a session that ended answers with the log-in page
    if (xhr.responseURL.includes("/login/")) { location.reload(); return; }
    const well = xhr.status >= 200 && xhr.status < 400;
    if (well) etag = xhr.getResponseHeader("ETag") || "";
    settle(well);
  });
  document.body.addEventListener("htmx:oobAfterSwap", changed);
  document.body.addEventListener("htmx:afterSwap", changed);
}

let waiting = false;
function changed() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    document.dispatchEvent(new CustomEvent("vigil-changed"));
  });
}
