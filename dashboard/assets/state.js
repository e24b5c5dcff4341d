// What runs in the browser: the query string, live polling, light and dark, exports. No script stands in the page itself.
(function () {
  "use strict";
  document.documentElement.lang = "en";
  const none = () => window.dash_clientside.no_update;
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

  // Where the reader is, with the sweep by its name, and with filters of axes that this page has no control for.
  const lasting = (view) => {
    const old = new URLSearchParams(window.location.search);
    const kept = new URLSearchParams();
    const sweep = old.get("sweep") || (view && view.sweep);
    if (sweep) kept.set("sweep", sweep);
    for (const axis of (view && view.axes) || []) if (old.get(axis)) kept.set(axis, old.get(axis));
    return kept;
  };
  const joined = (path, query) => {
    const search = query.toString().replace(/%2C/g, ",");
    return path + (search ? "?" + search : "");
  };
  // The pages in the navigation get the filters of this one.
  const link = (view, query) => {
    const filters = new URLSearchParams();
    for (const key of ["sweep", ...((view && view.axes) || [])]) if (query.get(key)) filters.set(key, query.get(key));
    for (const one of document.querySelectorAll("header nav a")) {
      const path = new URL(one.href).pathname;
      const id = { type: "page", path: "/" + path.slice(view.prefix.length) };
      window.dash_clientside.set_props(id, { href: joined(path, filters) });
    }
  };

  const MOST_PICKED = 20; // as in pages/cells.py
  const ECHO = 2000; // ms in which the text field may repeat itself
  const followed = new WeakSet(); // tables whose loading is listened to
  let picked = new Set();
  let table = null; // the grid whose rows are ticked
  let lately = []; // what `pick` has written in the last moments, and when
  let wrote = 0;
  const ids = (written) => (written || "").split(",").map((id) => id.trim()).filter((id) => id);
  const mark = (grid) => grid.forEachNode((row) => {
    if (row.data && row.isSelected() !== picked.has(row.id)) row.setSelected(picked.has(row.id));
  });

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    lpbench: {
      // Controls -> address. What is at its default is left out, so a link stays short.
      write: function (values, switches, spec, view) {
        window.lpbenchSpec = { path: window.location.pathname, spec: spec || [] };
        window.lpbenchView = view;
        const context = window.dash_clientside.callback_context;
        const given = {};
        for (const group of context.inputs_list) for (const one of group || []) given[one.id.key] = one.value;
        window.lpbenchGiven = given;
        if (!view || restoring) return none();
        const query = lasting(view);
        for (const entry of spec || []) {
          if (!(entry.key in given)) continue;
          const now = text(given[entry.key]);
          if (now !== text(entry.default)) query.set(entry.key, now);
          else query.delete(entry.key);
        }
        link(view, query);
        const address = joined(window.location.pathname, query);
        if (address === window.location.pathname + window.location.search) return none();
        // A page that was opened without the name of its sweep gets it: tomorrow another one is the newest.
        if (context.triggered.length) window.history.pushState(null, "", address);
        else window.history.replaceState(null, "", address);
        return none();
      },
      // The version of the sweep on this page; a new one makes the server send new data.
      poll: async function (ticks, view, known) {
        if (!view || document.hidden) return none();
        if (!view.sweep && !view.waits) return none();
        try {
          const address = view.prefix + "_version?sweep=" + encodeURIComponent(view.sweep || "");
          const answer = await (await fetch(address, { cache: "no-store" })).json();
          if (view.waits && answer.sweeps) window.location.reload(); // the first sweep is there
          const seen = view.sweep + " " + answer.version;
          if (answer.version === null || answer.version === undefined || seen === window.lpbenchVersion) return none();
          const first = window.lpbenchVersion === undefined || !window.lpbenchVersion.startsWith(view.sweep + " ");
          window.lpbenchVersion = seen;
          return first ? none() : answer.version; // the page itself was drawn from the first one
        } catch (error) {
          return none(); // the server is away; the next tick asks again
        }
      },
      change_sweep: function (name, view) {
        if (!name || !view || name === view.sweep) return none();
        const path = view.prefix + view.page.replace(/^\//, "");
        window.location.assign(path + "?sweep=" + encodeURIComponent(name));
        return none();
      },
      // The table of cells. Ticked rows -> text field; identities whose rows are not loaded stay in it.
      pick: function (rows) {
        const grid = window.dash_ag_grid.getApi("grid");
        if (!rows || !grid) return none();
        const loaded = (id) => (grid.getRowNode(id) || {}).data;
        // Of the table itself: `rows` may be older than the last tick, which would be lost.
        const ticked = grid.getSelectedRows().map((row) => row.cell_id);
        const marked = [...picked].filter(loaded);
        if (ticked.length === marked.length && ticked.every((id) => picked.has(id))) return none(); // `mark` did it
        const kept = [...picked].filter((id) => !loaded(id) || ticked.includes(id));
        picked = new Set([...new Set([...kept, ...ticked])].slice(0, MOST_PICKED));
        mark(grid); // what is one too many loses its tick
        if (performance.now() - wrote > ECHO) lately = [];
        wrote = performance.now();
        lately.push([...picked].join(","));
        return lately[lately.length - 1];
      },
      // Text field -> ticked rows, now and whenever rows are loaded.
      tick: async function (written) {
        const found = ids(written).join(",");
        const now = [...picked].join(",");
        // The field says again, some 300 ms later, what `pick` told it, also where that is old by then. A person who
        // writes into it has it in focus.
        const typing = document.activeElement && document.activeElement.closest(".controls");
        const echo = found !== now && lately.includes(found) && performance.now() - wrote < ECHO;
        if (echo && !typing && !restoring) {
          window.dash_clientside.set_props({ type: "control", key: "cells" }, { value: now });
          return none();
        }
        picked = new Set(ids(written));
        // Without waiting where it is known: between the two lines `pick` would see ticks of before.
        if (!table || table.isDestroyed()) table = await window.dash_ag_grid.getApiAsync("grid");
        if (!followed.has(table)) {
          followed.add(table);
          document.querySelector("#grid .ag-root").setAttribute("aria-label", "Cells");
          table.addEventListener("modelUpdated", (event) => mark(event.api));
          mark(table);
        } else if (found !== now) mark(table); // else its rows are ticked, and perhaps one more since
        return none();
      },
      // Other rows are asked for: from the start where the choice changed, in place where the sweep went on.
      reload: function () {
        const grid = window.dash_ag_grid.getApi("grid");
        if (!grid) return none();
        const more = window.dash_clientside.callback_context.triggered.every((one) => one.prop_id === "version.data");
        if (more) grid.refreshInfiniteCache();
        else grid.purgeInfiniteCache();
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

  // The drawing itself says nothing in words, but all its ticks: a figure's title, notes and numbers are read instead.
  new MutationObserver(function () {
    for (const drawing of document.querySelectorAll(".main-svg:not([aria-hidden])")) {
      drawing.setAttribute("aria-hidden", "true");
    }
  }).observe(document.documentElement, { childList: true, subtree: true });

  // Back and Forward within a page: the address says what the controls were.
  window.addEventListener("popstate", function () {
    const holder = window.lpbenchSpec;
    if (!holder || holder.path !== window.location.pathname) return;
    const query = new URLSearchParams(window.location.search);
    restoring = true;
    for (const entry of holder.spec) {
      const [type, property] = entry.kind === "switch" ? ["switch", "checked"] : ["control", "value"];
      const value = parse(entry, query.get(entry.key));
      // Only what differs: each property that is set asks the server for figures anew.
      if (text(value) === text((window.lpbenchGiven || {})[entry.key])) continue;
      window.dash_clientside.set_props({ type: type, key: entry.key }, { [property]: value });
    }
    window.setTimeout(function () { restoring = false; }, 300);
  });

  document.addEventListener("click", async function (event) {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.id === "copy") {
      try {
        await navigator.clipboard.writeText(window.location.href);
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
    const query = new URLSearchParams(window.location.search);
    query.set("page", view.page);
    query.set("panel", button.dataset.panel);
    query.set("kind", kind);
    if (!query.get("sweep") && view.sweep) query.set("sweep", view.sweep);
    window.location.assign(view.prefix + "_export?" + query.toString());
  });

})();
