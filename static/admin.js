// The administration: the parts that scroll are no landmarks, and their names would all be alike.
addEventListener("load", () => {
  for (const part of document.querySelectorAll(".simplebar-content-wrapper[role=region]")) {
    part.removeAttribute("role");
    part.removeAttribute("aria-label");
  }
});
