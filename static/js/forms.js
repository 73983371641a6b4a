// Small manners of forms and menus: choose and go, ask before harm, copy, close when clicked elsewhere.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-go]")) event.target.form.requestSubmit();
});

document.addEventListener("submit", (event) => {
  const question = event.target.dataset.ask;
  if (question && !confirm(question)) event.preventDefault();
});

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  const button = event.target.closest("[data-do]");
  if (!button) return;
  if (button.dataset.do === "help") document.getElementById("help")?.showModal();
  if (button.dataset.do === "share") copy(new URL(button.dataset.address, location.href).href, button);
  if (button.dataset.do === "print") print();
  if (button.dataset.do === "copy") copy(document.getElementById(button.dataset.of).textContent, button);
});

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // without HTTPS browsers offer no clipboard; the old way still works
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  const said = button.textContent;
  button.textContent = "✓";
  setTimeout(() => { button.textContent = said; }, 1200);
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches("[data-submit]")) {
    event.target.form.requestSubmit();
  }
});

// In a pocket the menu is a strip: the page that is open stands in sight.
document.querySelector(".rail [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// What scrolls sideways or down must be reachable by the keyboard too.
function reachable() {
  for (const part of document.querySelectorAll("pre, .scroll, .tall, .text, .tablewrap, ul.lines, .manual table")) {
    if (part.scrollWidth > part.clientWidth + 1 || part.scrollHeight > part.clientHeight + 1) part.tabIndex = 0;
  }
}
reachable();
document.addEventListener("vigil-changed", reachable);
