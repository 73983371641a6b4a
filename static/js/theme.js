// Dark or light: the choice lives in a cookie, so the server sends it with the first byte and nothing flashes.
const root = document.documentElement;

export function isDark() {
  const chosen = root.dataset.theme;
  return chosen ? chosen === "dark" : !matchMedia("(prefers-color-scheme: light)").matches;
}

function announce() {
  document.dispatchEvent(new CustomEvent("vigil-theme"));
}

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-do=theme]")) return;
  root.dataset.theme = isDark() ? "light" : "dark";
  document.cookie = `theme=${root.dataset.theme};path=/;max-age=31536000;samesite=lax`;
  announce();
});
matchMedia("(prefers-color-scheme: light)").addEventListener("change", announce);
