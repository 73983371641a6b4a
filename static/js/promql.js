// Completion for PromQL: series, labels and their values, functions with their help, and variables, offered under the
// text. Also the slider of a rule's limit.
const source = document.getElementById("promql-words");
const words = source ? JSON.parse(source.textContent) : null;
const MOST = 12;

function known(area) {
  const before = area.value.slice(0, area.selectionStart);
  const quoted = /([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)\s*"([^"]*)$/.exec(before);
  if (quoted && words.variables) return valuesOf(quoted[1], quoted[2], before);
  const dollar = /\$\w*$/.exec(before)?.[0];
  if (dollar && words.variables) {
    return { part: dollar, found: words.variables.filter((one) => one.startsWith(dollar)).map((one) => ({ kind: "variable", one })) };
  }
  const part = /[a-zA-Z_:][a-zA-Z0-9_:]*$/.exec(before)?.[0] ?? "";
  if (part.length < 2) return { part, found: [] };
  const inside = before.lastIndexOf("{") > before.lastIndexOf("}") || /\b(by|without|on|ignoring)\s*\([^)]*$/.test(before);
  const pools = inside ? [["label", words.labels]] : [["function", words.functions], ["series", words.series]];
  const low = part.toLowerCase();
  const found = pools.flatMap(([kind, pool]) => pool.filter((one) => one.toLowerCase().includes(low)).map((one) => ({ kind, one })));
  found.sort((a, b) => !a.one.toLowerCase().startsWith(low) - !b.one.toLowerCase().startsWith(low) || a.one.length - b.one.length);
  return { part, found: found.slice(0, MOST) };
}

// values of a label are asked for once, of the metric whose braces are open
const asked = new Map();

function valuesOf(label, typed, before) {
  const metric = /([a-zA-Z_:][\w:]*)\s*\{[^{}]*$/.exec(before)?.[1] ?? "";
  const key = `${metric} ${label}`;
  if (!asked.has(key)) {
    asked.set(key, null);
    const address = `${location.pathname.replace(/(\/dashboards\/).*$/, "$1")}words/?label=${encodeURIComponent(label)}&metric=${encodeURIComponent(metric)}&${location.search.slice(1)}`;
    fetch(address).then((answer) => (answer.ok ? answer.json() : [])).then((found) => {
      asked.set(key, found);
      document.activeElement?.dispatchEvent(new Event("input"));
    });
  }
  const part = /[^|]*$/.exec(typed)[0];
  const low = part.toLowerCase();
  const found = [...(asked.get(key) ?? []), ...words.variables.filter((one) => !one.startsWith("$__"))];
  return { part, found: found.filter((one) => one.toLowerCase().includes(low)).slice(0, MOST).map((one) => ({ kind: one.startsWith("$") ? "variable" : "value", one })) };
}

function attach(area) {
  const list = document.createElement("ul");
  list.className = "complete";
  list.id = `${area.name}-complete`;
  list.setAttribute("role", "listbox");
  list.hidden = true;
  area.after(list);
  area.setAttribute("aria-controls", list.id);
  area.setAttribute("autocomplete", "off");
  let chosen = 0;
  let now = { part: "", found: [] };

  const close = () => { list.hidden = true; };
  const take = (place) => {
    const { one, kind } = now.found[place];
    const at = area.selectionStart;
    const text = kind === "function" ? `${one}(` : one;
    area.setRangeText(text, at - now.part.length, at, "end");
    close();
    area.focus();
  };
  const show = () => {
    now = known(area);
    const exact = now.found.length === 1 && now.found[0].one === now.part;
    list.hidden = now.found.length === 0 || exact;
    chosen = 0;
    list.replaceChildren(...now.found.map(({ one, kind }, place) => {
      const row = document.createElement("li");
      row.setAttribute("role", "option");
      row.setAttribute("aria-selected", String(place === chosen));
      row.textContent = one;
      const small = document.createElement("small");
      small.textContent = (kind === "function" && words.help?.[one]) || kind;
      row.append(" ", small);
      row.addEventListener("mousedown", (event) => { event.preventDefault(); take(place); });
      return row;
    }));
  };
  area.addEventListener("input", show);
  area.addEventListener("blur", close);
  area.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      area.form.querySelector("[value=replay], [data-try]")?.click();
      return;
    }
    if (list.hidden) return;
    if (event.key === "Escape") close();
    else if (event.key === "Enter" || event.key === "Tab") { event.preventDefault(); take(chosen); }
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      chosen = (chosen + (event.key === "ArrowDown" ? 1 : now.found.length - 1)) % now.found.length;
      [...list.children].forEach((row, place) => row.setAttribute("aria-selected", String(place === chosen)));
      list.children[chosen].scrollIntoView({ block: "nearest" });
    }
  });
}

if (words) document.querySelectorAll("[data-promql]").forEach(attach);

document.addEventListener("change", (event) => {
  const slider = event.target.closest("[data-limit]");
  if (!slider) return;
  const limit = Number(Number(slider.value).toPrecision(3));
  const { left, op, rest } = slider.dataset;
  const form = document.getElementById("rule-form");
  form.elements.expr.value = `${left} ${op} ${limit}` + (rest ? `\n${rest}` : "");
  form.querySelector("[value=replay]").click();
});
