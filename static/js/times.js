// Writes every <time> in the viewer's zone; the exact moment stays in its title. No module: it runs before the page is drawn.
{
  const language = document.documentElement.lang || "en";
  const short = new Intl.DateTimeFormat(language, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const full = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "long", hourCycle: "h23" });
  const distance = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
  const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

  function ago(moment) {
    const seconds = (moment - Date.now()) / 1000;
    const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) || UNITS[3];
    return distance.format(Math.round(seconds / size), unit);
  }

  function exact(moment) {
    const today = moment.toDateString() === new Date().toDateString();
    return (today ? clock : short).format(moment);
  }

  function write(element) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.getTime())) return;
    element.title = full.format(moment);
    element.textContent = { ago, exact, time: exact, short: (m) => short.format(m), full: (m) => full.format(m) }[element.dataset.form || "ago"](moment);
  }

  function localise(root) {
    root.querySelectorAll("time[datetime]").forEach(write);
    for (const input of root.querySelectorAll("input[data-moment]")) {
      const moment = new Date(input.dataset.moment);
      const local = new Date(moment.getTime() - moment.getTimezoneOffset() * 60000);
      if (!input.value) input.value = local.toISOString().slice(0, 19);
    }
  }

  // A form of local times sends Unix seconds.
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-times]")) return;
    event.preventDefault();
    const address = new URL(location.href);
    for (const name of ["range", "from", "to", "before"]) address.searchParams.delete(name);
    for (const input of event.target.querySelectorAll("input[data-moment]")) {
      address.searchParams.set(input.name, Math.floor(new Date(input.value).getTime() / 1000));
    }
    location.assign(address);
  });

  // while the page is read each element comes by itself: what is rewritten before it is drawn moves nothing
  const reader = new MutationObserver((changes) => {
    for (const { addedNodes } of changes) for (const node of addedNodes) if (node.matches?.("time[datetime]")) write(node);
  });
  reader.observe(document, { childList: true, subtree: true });
  document.addEventListener("DOMContentLoaded", () => { reader.disconnect(); localise(document); });
  setInterval(() => localise(document), 30000);
  document.addEventListener("vigil-changed", () => localise(document));
}
