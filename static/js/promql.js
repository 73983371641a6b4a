// Completion for PromQL: series, labels and their values, functions with their help, and variables, offered under the
// text. What is known is asked for when a field is first entered. Also the slider of a rule's limit.
const MOST = 12;
const BUILT_IN = ["$__rate_interval", "$__interval", "$__range"];
const NOTHING = { series: [], labels: [], functions: {} };
// by address: what came, or what stands in for it until it comes
const asked = new Map();

function answer(area, address, meanwhile) {
  if (!asked.has(address)) {
    asked.set(address, meanwhile);
    fetch(address).then((found) => (found.ok ? found.json() : meanwhile)).catch(() => meanwhile).then((found) => {
      asked.set(address, found);
      if (document.activeElement === area) area.dispatchEvent(new Event("input"));
    });
  }
  return asked.get(address);
}

function variables(area) {
  const list = document.getElementById(area.dataset.variables ?? "");
  return list ? [...Array.from(list.options, (one) => `$${one.value}`), ...BUILT_IN] : [];
}

const offered = (kind, pool, part) => pool.filter((one) => one.toLowerCase().includes(part.toLowerCase())).map((one) => ({ kind, one }));

function known(area) {
  const words = answer(area, area.dataset.promql, NOTHING);
  const before = area.value.slice(0, area.selectionStart);
  const quoted = /([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)\s*"([^"]*)$/.exec(before);
  if (quoted) return valuesOf(area, quoted[1], quoted[2], before);
  const dollar = /\$\w*$/.exec(before)?.[0];
  if (dollar) return { part: dollar, found: offered("variable", variables(area), dollar) };
  const part = /[a-zA-Z_:][a-zA-Z0-9_:]*$/.exec(before)?.[0] ?? "";
  if (part.length < 2) return { part, found: [] };
  const inside = before.lastIndexOf("{") > before.lastIndexOf("}") || /\b(by|without|on|ignoring)\s*\([^)]*$/.test(before);
  const found = inside
    ? offered("label", words.labels, part)
    : [...offered("function", Object.keys(words.functions), part), ...offered("series", words.series, part)];
  const low = part.toLowerCase();
  found.sort((a, b) => !a.one.toLowerCase().startsWith(low) - !b.one.toLowerCase().startsWith(low) || a.one.length - b.one.length);
  return { part, found: found.slice(0, MOST), help: words.functions };
}

// the values of a label, of the metric whose braces are open
function valuesOf(area, label, typed, before) {
  const address = new URL(area.dataset.promql, location.href);
  address.searchParams.set("label", label);
  address.searchParams.set("metric", /([a-zA-Z_:][\w:]*)\s*\{[^{}]*$/.exec(before)?.[1] ?? "");
  const part = /[^|]*$/.exec(typed)[0];
  const own = variables(area).filter((one) => !BUILT_IN.includes(one));
  const found = [...offered("value", answer(area, address.href, []), part), ...offered("variable", own, part)];
  return { part, found: found.slice(0, MOST) };
}

function attach(area) {
  const list = document.createElement("ul");
  list.className = "complete";
  list.id = `${area.name}-complete`;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", area.name);
  list.hidden = true;
  area.after(list);
  const told = { "aria-autocomplete": "list", "aria-controls": list.id, autocomplete: "off" };
  for (const [name, value] of Object.entries(told)) area.setAttribute(name, value);
  let chosen = 0;
  let now = { part: "", found: [] };

  const open = (yes) => {
    list.hidden = !yes;
    if (!yes) area.removeAttribute("aria-activedescendant");
  };
  const point = (place) => {
    chosen = place;
    [...list.children].forEach((row, at) => row.setAttribute("aria-selected", String(at === place)));
    area.setAttribute("aria-activedescendant", list.children[place].id);
    list.children[place].scrollIntoView({ block: "nearest" });
  };
  const take = (place) => {
    const { one, kind } = now.found[place];
    const at = area.selectionStart;
    const text = kind === "function" ? `${one}(` : one;
    area.setRangeText(text, at - now.part.length, at, "end");
    open(false);
    area.focus();
  };
  const show = () => {
    now = known(area);
    list.replaceChildren(...now.found.map(({ one, kind }, place) => {
      const row = document.createElement("li");
      row.setAttribute("role", "option");
      row.id = `${list.id}-${place}`;
      row.textContent = one;
      const small = document.createElement("small");
      small.textContent = (kind === "function" && now.help[one]) || kind;
      row.append(" ", small);
      row.addEventListener("mousedown", (event) => { event.preventDefault(); take(place); });
      return row;
    }));
    const exact = now.found.length === 1 && now.found[0].one === now.part;
    open(now.found.length > 0 && !exact);
    if (!list.hidden) point(0);
  };
  area.addEventListener("focus", () => answer(area, area.dataset.promql, NOTHING), { once: true });
  area.addEventListener("input", show);
  area.addEventListener("blur", () => open(false));
  area.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      area.form.querySelector("[value=replay], [data-try]")?.click();
      return;
    }
    if (list.hidden) return;
    const many = now.found.length;
    if (event.key === "Escape") { event.stopPropagation(); open(false); }
    else if (event.key === "Enter" || event.key === "Tab") { event.preventDefault(); take(chosen); }
    else if (event.key === "ArrowDown") { event.preventDefault(); point((chosen + 1) % many); }
    else if (event.key === "ArrowUp") { event.preventDefault(); point((chosen + many - 1) % many); }
  });
}

document.querySelectorAll("[data-promql]").forEach(attach);

document.addEventListener("change", (event) => {
  const slider = event.target.closest("[data-limit]");
  if (!slider) return;
  const limit = Number(Number(slider.value).toPrecision(3));
  const { left, op, rest } = slider.dataset;
  const form = document.getElementById("rule-form");
  form.elements.expr.value = `${left} ${op} ${limit}` + (rest ? `\n${rest}` : "");
  form.querySelector("[value=replay]").click();
});
