// What runs in the browser: the query string, live polling, light and dark, exports. No script stands in the page itself.
(function () {
  "use strict";
  document.documentElement.lang = "en";
  const { now, written, search, named, keep } = window.lpbenchAddress;
  const none = () => window.dash_clientside.no_update;
  let gone = false; // whether the sweep of this page is there no more
  let restoring = false; // while Back sets the controls, they must not write the address again

  const cookie = (name) => (document.cookie.match("(?:^|; )" + name + "=([^;]*)") || [])[1];
  const setCookie = (name, value) => {
    document.cookie = name + "=" + value + "; path=/; max-age=31536000; samesite=lax";
  };
  // A value of a control as the address has it: as `Control.text` in page.py.
  const text = (value) => (typeof value === "boolean" ? String(Number(value)) : String(value ?? ""));
  const parse = (entry, found) => {
    if (found === null) return entry.default;
    if (entry.kind === "switch") return found === "1";
    if (entry.kind === "multi") return found === "" ? [] : found.split(",");
    return found;
  };
  // What the address holds beside the controls: `zoom` of the figures, `table` the filters of the table of cells, `all`
  // where hidden sweeps can be chosen.
  const HIDDEN = ":hidden"; // as in server/shell.py
  const KEPT = ["zoom", "table", "all"];
  // Filters go along to the other pages: what the address has of axes.
  const link = (view) => {
    const here = now();
    const query = new URLSearchParams(view.sweep ? { sweep: view.sweep } : {});
    for (const key of ["all", ...(view.axes || [])]) if (here.has(key)) query.set(key, here.get(key));
    const more = written(query);
    for (const shown of document.querySelectorAll("header nav a, header a.brand")) {
      const id = shown.id && JSON.parse(shown.id);
      const path = view.prefix + (id ? id.path : "/").replace(/^\//, "");
      if (id) window.dash_clientside.set_props(id, { href: path + (more ? "?" + more : "") });
    }
  };

  // The zoom of the figures. dash draws a changed figure as a new one, whose axes are whole: what a reader had zoomed
  // into is set again where the figure has the same axes.
  const zooms = new Map(); // by panel: {axes: of which figure, ranges: {xaxis: [low, high]}}
  const drawn = new WeakMap(); // the layout that a figure had when it was last looked at
  const axesOf = (graph) => Object.keys(graph._fullLayout).filter((name) => /^[xy]axis\d*$/.test(name)).sort();
  const kindOf = (graph) => axesOf(graph).map((name) => {
    const axis = graph._fullLayout[name];
    return name + " " + axis.type + " " + ((axis.title || {}).text || "");
  }).join("; ");
  const panelOf = (graph) => {
    const all = [...document.querySelectorAll("#figures .panel")];
    return all.indexOf(graph.closest(".panel"));
  };
  const writeZoom = () => {
    const parts = [];
    for (const [panel, { ranges }] of [...zooms].sort((a, b) => a[0] - b[0])) {
      for (const [name, [low, high]] of Object.entries(ranges)) {
        parts.push([panel, name, Number(low).toPrecision(5), Number(high).toPrecision(5)].join(":"));
      }
    }
    keep("zoom", parts.join(","));
  };
  const readZoom = () => {
    zooms.clear();
    for (const part of (now().get("zoom") || "").split(",")) {
      const [panel, name, low, high] = part.split(":");
      if (!/^\d+$/.test(panel) || !/^[xy]axis\d*$/.test(name) || !isFinite(low) || !isFinite(high) || !high) continue;
      const one = zooms.get(Number(panel)) || { axes: null, ranges: {} };
      one.ranges[name] = [Number(low), Number(high)];
      zooms.set(Number(panel), one);
    }
  };
  const zoomed = (graph) => {
    const ranges = {};
    for (const name of axesOf(graph)) {
      const { range, autorange } = graph._fullLayout[name];
      const whole = (graph._fullLayout[name]._rangeInitial0 ?? null) === range[0] &&
        graph._fullLayout[name]._rangeInitial1 === range[1];
      if (!autorange && !whole) ranges[name] = [...range];
    }
    const panel = panelOf(graph);
    if (panel < 0) return;
    if (Object.keys(ranges).length) zooms.set(panel, { axes: kindOf(graph), ranges: ranges });
    else zooms.delete(panel);
    writeZoom();
  };
  const again = (graph) => {
    if (drawn.get(graph) === graph.layout) return; // the same figure, moved by its reader
    drawn.set(graph, graph.layout);
    const kept = zooms.get(panelOf(graph));
    if (!kept) return;
    const kind = kindOf(graph);
    if (kept.axes !== null && kept.axes !== kind) { // another figure: its own axes
      zooms.delete(panelOf(graph));
      writeZoom();
      return;
    }
    kept.axes = kind;
    const there = new Set(axesOf(graph));
    const asked = {};
    for (const [name, range] of Object.entries(kept.ranges)) if (there.has(name)) asked[name + ".range"] = [...range];
    window.setTimeout(() => window.Plotly.relayout(graph, asked), 0);
  };
  // Back: what the address says, also of figures that stay as they are.
  const rezoom = (graph) => {
    const { ranges } = zooms.get(panelOf(graph)) || { ranges: {} };
    const asked = {};
    for (const name of axesOf(graph)) {
      const { range, _rangeInitial0: low, _rangeInitial1: high } = graph._fullLayout[name];
      const wanted = ranges[name] || [low, high];
      if (wanted.some((end, i) => end !== range[i])) {
        if (wanted.some((end) => end === undefined || end === null)) asked[name + ".autorange"] = true;
        else asked[name + ".range"] = [...wanted];
      }
    }
    if (Object.keys(asked).length) window.Plotly.relayout(graph, asked);
  };
  // Parallel coordinates: a box over axes -> the text field of their ranges, which the server draws. `meta.brush` says
  // which values stand on each axis, from 0 at its foot to 1; that of floors has a scale in their place, logarithmic
  // but of errors.
  const RANGES = { type: "control", key: "ranges" }; // as in panels/brushes.py
  const ranged = (one, low, high) => {
    if (!one.values) {
      const ends = [low, high].map((place) => one.low + one.span * place)
        .map((place) => (one.linear ? place : 10 ** place).toPrecision(3));
      return (low > 0 ? ends[0] : "") + ":" + (high < 1 ? ends[1] : "");
    }
    const last = one.values.length - 1;
    const there = one.values.filter((value, i) => {
      const place = last ? i / last : 0.5;
      return low - 0.02 <= place && place <= high + 0.02;
    });
    return there.length ? there[0] + ":" + there[there.length - 1] : "";
  };
  const brush = (graph, box) => {
    const axes = ((graph._fullLayout || {}).meta || {}).brush;
    if (!axes || !box || !box.range) return;
    const [left, right] = [...box.range.x].sort((a, b) => a - b), [low, high] = [...box.range.y].sort((a, b) => a - b);
    const kept = new Map(((window.lpbenchGiven || {}).ranges || "").split(";").map((part) => part.trim())
      .filter((part) => part).map((part) => [part.split("=")[0].trim().replace(/ /g, "_"), part]));
    axes.forEach((one, i) => {
      const name = one.axis.replace(/ /g, "_"), ends = ranged(one, low, high);
      if (left <= i && i <= right && ends && ends !== ":") kept.set(name, name + "=" + ends);
    });
    window.dash_clientside.set_props(RANGES, { value: [...kept.values()].join("; ") });
  };
  // `meta.click` of a figure: the control that a click sets, to the x that was clicked or to what stands there.
  const chosen = (graph, event) => {
    const click = ((graph._fullLayout || {}).meta || {}).click;
    if (!click || !event || !event.points || !event.points.length) return;
    const x = event.points[0].x, value = click.values ? click.values[x] : String(x);
    if (value !== undefined) window.dash_clientside.set_props({ type: "control", key: click.key }, { value: value });
  };
  const follow = (graph) => {
    if (!graph.on || followed.has(graph)) return;
    followed.add(graph);
    graph.on("plotly_selected", (box) => brush(graph, box));
    graph.on("plotly_deselect", () => {
      if (((graph._fullLayout || {}).meta || {}).brush) window.dash_clientside.set_props(RANGES, { value: "" });
    });
    graph.on("plotly_click", (event) => chosen(graph, event));
    const look = () => {
      again(graph);
      const panel = graph.closest(".panel");
      if (panel) panel.dataset.empty = String(!graph.data.length); // what was not drawn is nothing to take along
    };
    graph.on("plotly_afterplot", look);
    graph.on("plotly_relayout", (change) => {
      if (Object.keys(change).some((key) => /^[xy]axis\d*\.(range|autorange)/.test(key))) zoomed(graph);
    });
    look();
  };

  const followed = new WeakSet(); // figures that are listened to

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    lpbench: {
      // Controls -> address. What is at its default is left out, so a link stays short.
      write: function (values, switches, spec, view) {
        window.lpbenchSpec = { path: window.location.pathname, spec: spec || [] };
        window.lpbenchView = view;
        if (view && window.lpbenchPage !== window.location.pathname + view.sweep) {
          window.lpbenchPage = window.location.pathname + view.sweep;
          readZoom();
        }
        if (view) window.setTimeout(() => link(view), 0);
        const context = window.dash_clientside.callback_context;
        const given = {};
        for (const group of context.inputs_list) for (const one of group || []) given[one.id.key] = one.value;
        window.lpbenchGiven = given;
        if (!context.triggered.length && view) { // opened without the name of its sweep: tomorrow another is the newest
          const address = search(named(now()));
          if (address !== window.location.pathname + window.location.search) {
            window.history.replaceState(window.history.state, "", address);
          }
        }
        if (!spec || !context.triggered.length || restoring) return none();
        const old = now();
        const query = new URLSearchParams(view && view.sweep ? { sweep: view.sweep } : {});
        const known = new Set(spec.map((entry) => entry.key));
        for (const key of [...(view ? view.axes || [] : []), ...KEPT]) {
          if (old.has(key) && !known.has(key)) query.set(key, old.get(key)); // what this page has no control of
        }
        for (const entry of spec) {
          if (!(entry.key in given)) continue;
          const now = text(given[entry.key]);
          if (now !== text(entry.default)) query.set(entry.key, now);
        }
        const address = search(query);
        if (address !== window.location.pathname + window.location.search) {
          window.history.pushState(null, "", address);
        }
        return none();
      },
      // A figure that came from the server, where it is not the one that is shown: drawing takes longer than all else.
      show: function (fresh, shown) {
        const digest = (figure) => (((figure || {}).layout || {}).meta || {}).digest;
        return fresh && digest(fresh) !== digest(shown) ? fresh : none();
      },
      // The version of the sweep on this page; a new one makes the server send new data.
      poll: async function (ticks, view, known) {
        if (!view || document.hidden) return none();
        try {
          if (!view.sweep) { // nothing is there yet
            const first = await (await fetch(view.prefix + "_version", { cache: "no-store" })).json();
            if (first.there && !now().get("sweep")) window.location.reload();
            return none();
          }
          const address = view.prefix + "_version?sweep=" + encodeURIComponent(view.sweep);
          const answer = await (await fetch(address, { cache: "no-store" })).json();
          if (answer.gone) { // it has another name now, or is deleted: said where its state stood
            gone = true;
            window.dash_clientside.set_props("status", { children: answer.error });
          }
          const seen = view.sweep + " " + answer.version;
          if (answer.version === null || answer.version === undefined || (seen === window.lpbenchVersion && !gone)) return none();
          const first = window.lpbenchVersion === undefined || !window.lpbenchVersion.startsWith(view.sweep + " ");
          window.lpbenchVersion = seen;
          gone = false;
          return first ? none() : answer.version; // the page itself was drawn from the first one
        } catch (error) {
          return none(); // the server is away; the next tick asks again
        }
      },
      change_sweep: function (name, view) {
        if (!name || !view || name === view.sweep) return none();
        const path = view.prefix + view.page.replace(/^\//, "");
        const here = now();
        if (name === HIDDEN) { // the same view, with other sweeps to choose among
          if (here.get("all") === "1") here.delete("all");
          else here.set("all", "1");
          window.location.assign(search(named(here)));
          return none();
        }
        const all = here.get("all") === "1" ? "&all=1" : "";
        window.location.assign(path + "?sweep=" + encodeURIComponent(name) + all);
        return none();
      },
      toggle: function (clicks, dark) {
        const asked = cookie("lpbench_theme");
        let now = asked ? asked === "dark" : window.matchMedia("(prefers-color-scheme: dark)").matches;
        if (clicks) now = !dark;
        if (clicks || !asked) setCookie("lpbench_theme", now ? "dark" : "light");
        document.documentElement.dataset.theme = now ? "dark" : "light";
        document.body.dataset.agThemeMode = now ? "dark" : "light";
        const narrow = window.innerWidth < 700 ? "1" : "0";
        const turned = (cookie("lpbench_narrow") || "0") !== narrow;
        setCookie("lpbench_narrow", narrow);
        return [now === dark && !turned ? none() : now, now ? "dark" : "light"];
      },
    },
  });

  // The chooser of sweeps: every word that is typed is somewhere in a name, its tags or its note, which stand below it.
  window.dashMantineFunctions = Object.assign({}, window.dashMantineFunctions, {
    lpbenchFilter: function ({ options, search }) {
      const words = search.toLowerCase().split(/\s+/).filter((word) => word);
      const has = (one) => words.every((word) => (one.said || "").toLowerCase().includes(word));
      return options.filter((one) => one.value === HIDDEN || has(one));
    },
    lpbenchOption: function ({ option }) {
      const more = option.more ? [window.React.createElement("span", { key: "more", className: "more" }, option.more)] : [];
      return window.React.createElement("span", { className: "option" }, option.label, ...more);
    },
  });

  // The drawing itself says nothing in words, but all its ticks: a figure's title, notes and numbers are read instead.
  new MutationObserver(function () {
    for (const drawing of document.querySelectorAll(".main-svg:not([aria-hidden])")) {
      drawing.setAttribute("aria-hidden", "true");
    }
    for (const graph of document.querySelectorAll(".js-plotly-plot")) follow(graph);
  }).observe(document.documentElement, { childList: true, subtree: true });

  // Back and Forward within a page: the address says what the controls were.
  window.addEventListener("popstate", function () {
    const holder = window.lpbenchSpec;
    if (!holder || holder.path !== window.location.pathname) return;
    const query = now();
    restoring = true;
    for (const entry of holder.spec) {
      const [type, property] = entry.kind === "switch" ? ["switch", "checked"] : ["control", "value"];
      const value = parse(entry, query.get(entry.key));
      // Only what differs: each property that is set asks the server for figures anew.
      if (text(value) === text((window.lpbenchGiven || {})[entry.key])) continue;
      window.dash_clientside.lpbench_ticks.told(entry.key, value);
      window.dash_clientside.set_props({ type: type, key: entry.key }, { [property]: value });
    }
    readZoom();
    for (const graph of document.querySelectorAll("#figures .js-plotly-plot")) if (graph._fullLayout) rezoom(graph);
    window.setTimeout(function () { restoring = false; }, 300);
  });

  document.addEventListener("click", async function (event) {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.id === "copy") {
      try {
        await navigator.clipboard.writeText(
          window.location.origin + search(named(now())));
        button.textContent = "Copied";
      } catch (error) {
        button.textContent = "Copy it from the address bar";
      }
      window.setTimeout(function () { button.textContent = "Copy link"; }, 1500);
      return;
    }
    const kind = button.dataset.export;
    if (!kind) return;
    const panel = button.closest(".panel");
    if (kind === "png" || kind === "svg") {
      const graph = panel.querySelector(".js-plotly-plot");
      const name = (panel.getAttribute("aria-label") || "figure").replace(/[^A-Za-z0-9]+/g, "-").toLowerCase();
      if (graph) window.Plotly.downloadImage(graph, { format: kind, filename: name, scale: kind === "png" ? 2 : 1 });
      return;
    }
    const view = window.lpbenchView;
    const query = now();
    query.set("page", view.page);
    query.set("panel", button.dataset.panel);
    query.set("kind", kind);
    if (!query.get("sweep") && view.sweep) query.set("sweep", view.sweep);
    window.location.assign(view.prefix + "_export?" + query.toString());
  });

})();
