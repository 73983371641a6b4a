// The administration: the parts that scroll are no landmarks, and their names would all be alike; fields of a table are
// called as their column.
addEventListener("load", () => {
  for (const field of document.querySelectorAll("td[data-label] :is(select, input, textarea):not([type=hidden])")) {
    if (!field.labels?.length && !field.ariaLabel) field.ariaLabel = field.closest("td").dataset.label;
  }
  for (const part of document.querySelectorAll(".simplebar-content-wrapper[role=region]")) {
    part.removeAttribute("role");
    part.removeAttribute("aria-label");
  }
});
