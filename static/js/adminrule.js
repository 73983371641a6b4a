// The admin's form of a rule: completion knows the series of the project whose group is chosen.
const area = document.querySelector("[data-promql-of]");

area?.addEventListener("focus", () => {
  const addresses = JSON.parse(area.dataset.promqlOf);
  area.dataset.promql = addresses[area.form.elements.group?.value] ?? area.dataset.promql;
}, true);
