// What a reader sees is drawn at once; figures further down follow when the browser has nothing else to do, or when they
// come into sight. Drawing takes longer than all else, and the last figure would hold up the first.
(function () {
  "use strict";
  const SOON = 1000; // ms after which a figure is drawn although the browser is busy
  const waiting = new Map(); // graph -> {draw: as it was asked for last, drawn: its promise, resolve}
  const seen = (graph) => {
    const { top, bottom } = graph.getBoundingClientRect();
    return top < window.innerHeight && bottom > 0;
  };
  const draw = (graph) => {
    const one = waiting.get(graph);
    waiting.delete(graph);
    sight.unobserve(graph);
    if (one) one.resolve(one.draw());
  };
  const sight = new IntersectionObserver((changes) => {
    for (const change of changes) if (change.isIntersecting) draw(change.target);
  });
  let planned = false;
  const plan = () => {
    if (planned || !waiting.size) return;
    planned = true;
    window.requestIdleCallback(() => {
      planned = false;
      const [first] = waiting.keys();
      if (first) draw(first);
      plan();
    }, { timeout: SOON });
  };
  // dash asks each new figure to fit its place, which draws it again: those that fit stay, or will once they are drawn.
  const fits = (graph) => {
    if (waiting.has(graph)) return true;
    const { width, height } = graph._fullLayout || {};
    return width === graph.clientWidth && height === graph.clientHeight;
  };
  const later = (plotly) => {
    const { react } = plotly, { resize } = plotly.Plots;
    plotly.Plots.resize = (graph) => fits(graph) ? Promise.resolve(graph) : resize.call(plotly.Plots, graph);
    plotly.react = (graph, ...what) => {
      const one = waiting.get(graph) || {};
      one.draw = () => react.call(plotly, graph, ...what);
      one.drawn = one.drawn || new Promise((resolve) => { one.resolve = resolve; });
      waiting.set(graph, one);
      if (!graph.isConnected || seen(graph)) {
        draw(graph);
      } else {
        sight.observe(graph);
        plan();
      }
      return one.drawn;
    };
    return plotly;
  };
  // dash would load plotly when it draws the first figure.
  let found = window.Plotly && later(window.Plotly);
  Object.defineProperty(window, "Plotly", {
    configurable: true,
    get: () => found,
    set: (plotly) => { found = plotly && later(plotly); },
  });
  // Its script is read as soon as dash says where it is, while the server thinks of the first page, and not after.
  let source = null;
  Object.defineProperty(window, "_dashPlotlyJSURL", {
    configurable: true,
    get: () => source,
    set: (address) => {
      if (!source && !found) {
        document.head.append(Object.assign(document.createElement("script"), { src: address, async: true }));
      }
      source = address;
    },
  });
  window.addEventListener("beforeprint", () => [...waiting.keys()].forEach(draw));
})();
