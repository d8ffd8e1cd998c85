"use strict";
const specs = JSON.parse(document.getElementById("specs").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
const views = {};

function config() {
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
    },
    legend: {
      labelColor: text, titleColor: muted, labelFontSize: 12, orient: "top", offset: 8,
      columns: innerWidth < 520 ? 2 : 7, symbolSize: 110,
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
      config: config(),
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
  for (const id of ["order-fills", "order-costs"]) {
    views[id]?.signal("order", Number(select.value)).runAsync();
  }
}

document.getElementById("order")?.addEventListener("change", choose);
let drawing = draw();
dark.addEventListener("change", () => { drawing = drawing.then(draw); });
