// Charts as pictures: one by its button, or all of the page under its verdict, drawn into one PNG.
import { draw, plotly } from "./charts.js";

const PAD = 24;
const WIDTH = 1400;
const TITLE = 26;

function colour(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

async function picture(element, width, height) {
  await draw(element);
  const Plotly = await plotly();
  const image = new Image();
  image.src = await Plotly.toImage(element, { format: "svg", width, height });
  await image.decode();
  return image;
}

function wrapped(pen, text, width) {
  const lines = [""];
  for (const word of text.match(/[\u3000-\u9fff\uff00-\uffef]|[^\s\u3000-\u9fff\uff00-\uffef]+\s*|\s+/g) || []) {
    const longer = lines.at(-1) + word;
    if (pen.measureText(longer).width > width && lines.at(-1)) lines.push(word.trimStart());
    else lines[lines.length - 1] = longer;
  }
  return lines;
}

function save(canvas, name) {
  canvas.toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${name}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
}

function sheet(height) {
  const canvas = document.createElement("canvas");
  const scale = 2;
  canvas.width = WIDTH * scale;
  canvas.height = height * scale;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  pen.fillStyle = colour("--bg");
  pen.fillRect(0, 0, WIDTH, height);
  pen.fillStyle = colour("--text");
  return { canvas, pen };
}

// the verdicts, then the charts two in a row
async function whole(name) {
  const family = getComputedStyle(document.body).fontFamily;
  const said = [document.querySelector("h1"), ...document.querySelectorAll(".verdict")].map((one) => one.innerText.replace(/\s+/g, " ").trim());
  const charts = [...document.querySelectorAll(".chart")].filter((one) => one.querySelector(".plot"));
  const wide = (WIDTH - 3 * PAD) / 2;
  const tall = 300;
  const measure = document.createElement("canvas").getContext("2d");
  measure.font = `15px ${family}`;
  const lines = said.flatMap((text) => [...wrapped(measure, text, WIDTH - 2 * PAD), ""]);
  const top = PAD + lines.length * 22;
  const { canvas, pen } = sheet(top + Math.ceil(charts.length / 2) * (tall + TITLE + PAD) + PAD);
  pen.font = `15px ${family}`;
  lines.forEach((line, at) => pen.fillText(line, PAD, PAD + 14 + at * 22));
  for (const [at, chart] of charts.entries()) {
    const x = PAD + (at % 2) * (wide + PAD);
    const y = top + Math.floor(at / 2) * (tall + TITLE + PAD);
    pen.font = `600 14px ${family}`;
    pen.fillText(chart.querySelector("figcaption").firstChild.textContent.trim(), x, y + 14);
    pen.drawImage(await picture(chart.querySelector(".plot"), wide, tall), x, y + TITLE, wide, tall);
  }
  save(canvas, name);
}

async function single(chart) {
  const plot = chart.querySelector(".plot");
  const { canvas, pen } = sheet(560);
  pen.font = `600 18px ${getComputedStyle(document.body).fontFamily}`;
  const title = chart.querySelector("figcaption").firstChild.textContent.trim();
  pen.fillText(title, PAD, PAD + 12);
  pen.drawImage(await picture(plot, WIDTH - 2 * PAD, 480), PAD, PAD + TITLE, WIDTH - 2 * PAD, 480);
  save(canvas, title);
}

document.addEventListener("click", (event) => {
  const all = event.target.closest("[data-png]");
  const one = event.target.closest("[data-picture]");
  if (all) whole(all.dataset.png);
  if (one) single(one.closest(".chart"));
});
