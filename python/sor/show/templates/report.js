"use strict";
const specs = JSON.parse(document.getElementById("specs").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
const views = {};

// As many columns of a legend as its longest name leaves room for.
function columns(spec, width) {
  const names = (spec.layer ?? [spec]).flatMap((part) => part.encoding?.color?.scale?.domain ?? []);
  const longest = Math.max(...names.map((name) => String(name).length), 0);
  return Math.max(1, Math.floor(width / Math.max(80, 7 * longest + 28)));
}

function config(spec, width) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const text = colour("--text"), muted = colour("--muted"), line = colour("--line");
  return {
    background: "transparent",
    font: "system-ui, sans-serif",
    view: { stroke: null },
    axis: {
      labelColor: muted, titleColor: muted, gridColor: line, domainColor: line, tickColor: line,
      labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal", labelLimit: 130,
      labelFlush: false,
    },
    legend: {
      labelColor: text, titleColor: muted, labelFontSize: 12, orient: "top", offset: 8,
      columns: columns(spec, width), symbolSize: 110,
    },
    rule: { color: text }, tick: { color: text }, text: { color: text },
  };
}

async function draw() {
  const theme = dark.matches ? "dark" : "light";
  for (const [id, spec] of Object.entries(specs)) {
    views[id]?.finalize();
    const result = await vegaEmbed(`#${id}`, spec, {
      mode: "vega-lite",
      renderer: "svg",
      config: config(spec, document.getElementById(id).clientWidth),
      tooltip: { theme },
      downloadFileName: id,
      actions: { export: true, source: false, compiled: false, editor: false },
    });
    views[id] = result.view;
  }
  choose();
  document.documentElement.dataset.drawn = theme;
}

function choose() {
  const select = document.getElementById("order");
  if (!select) return;
  for (const id of ["order-fills", "order-left", "order-costs"]) {
    views[id]?.signal("order", Number(select.value)).runAsync();
  }
}

function mark() {
  for (const box of document.querySelectorAll(".scroll")) {
    box.classList.toggle("cut", box.scrollWidth > box.clientWidth + 1);
  }
}

// Sections without the words are hidden; charts count by their titles.
document.getElementById("find").addEventListener("input", (event) => {
  const wanted = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const section of document.querySelectorAll("main section")) {
    const text = section.textContent.toLowerCase();
    section.hidden = !wanted.every((word) => text.includes(word));
  }
});

for (const button of document.querySelectorAll("button.copy")) {
  button.addEventListener("click", () => {
    const block = button.nextElementSibling;
    getSelection().selectAllChildren(block);
    document.execCommand("copy");
    button.textContent = "Copied";
  });
}

mark();
addEventListener("resize", mark);
document.getElementById("order")?.addEventListener("change", choose);
let drawing = draw();
dark.addEventListener("change", () => { drawing = drawing.then(draw); });
