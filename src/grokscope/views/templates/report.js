"use strict";
// Draws the figures of the page from the JSON beside them; those in closed sections when opened.
(() => {
  const config = {
    displaylogo: false,
    responsive: true,
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
  };

  const draw = async (plot) => {
    if (plot.dataset.drawn) return;
    plot.dataset.drawn = "yes";
    const figure = JSON.parse(plot.nextElementSibling.textContent);
    await Plotly.newPlot(plot, figure.data, figure.layout, {
      ...config,
      displayModeBar: plot.classList.contains("small") ? false : "hover",
    });
  };

  const closed = (plot) => plot.closest("details:not([open])");

  const drawAll = async () => {
    for (const plot of document.querySelectorAll(".plot")) {
      if (!closed(plot)) await draw(plot);
    }
    document.body.dataset.ready = "yes";
  };

  for (const details of document.querySelectorAll("details")) {
    details.addEventListener("toggle", () => {
      if (details.open) details.querySelectorAll(".plot").forEach(draw);
    });
  }
  // Paper is narrower than most windows, and figures do not follow the page on their own.
  const fit = (width) => {
    for (const plot of document.querySelectorAll(".js-plotly-plot")) {
      Plotly.relayout(plot, { width: width(plot), autosize: true });
    }
  };
  addEventListener("beforeprint", () => {
    document.body.classList.add("printing");
    fit((plot) => plot.clientWidth || null);
  });
  addEventListener("afterprint", () => {
    document.body.classList.remove("printing");
    fit(() => null);
  });
  drawAll();
})();
