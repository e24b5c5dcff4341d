// The ticks of the table of cells and the text field of their identities follow each other, and its rows the choice.
// The address is in the field when a page opens, and Back writes into it; else only a person does, or `pick`.
(function () {
  "use strict";
  const { now, keep } = window.lpbenchAddress;
  const none = () => window.dash_clientside.no_update;
  const MOST_PICKED = 20; // as in pages/cells.py
  const LATE = 900; // ms, three times what the field waits for the next letter
  const FIELD = { type: "control", key: "cells" };
  const known = new WeakSet(); // tables that are listened to
  let picked = new Set();
  let typed = null; // what a person or Back wrote into the field, until `tick` has seen it
  let chosen = null; // the status and the ranges of which the table has rows
  const ids = (written) => (written || "").split(",").map((id) => id.trim()).filter((id) => id);
  const same = (one, other) => ids(one).join() === ids(other).join();
  const mark = (grid) => grid.forEachNode((row) => {
    if (row.data && row.isSelected() !== picked.has(row.id)) row.setSelected(picked.has(row.id));
  });

  const table = () => {
    try {
      return window.dash_ag_grid.getApi("grid");
    } catch (error) {
      return null; // not drawn yet
    }
  };

  // Whichever of `pick` and `tick` sees a table first: true the first time.
  const begin = (grid) => {
    if (known.has(grid)) return false;
    known.add(grid);
    picked = new Set(ids(now().get("cells")));
    document.querySelector("#grid .ag-root").setAttribute("aria-label", "Cells");
    grid.addEventListener("modelUpdated", (event) => mark(event.api));
    const asked = now().get("table");
    try {
      if (asked) window.dash_clientside.set_props("grid", { filterModel: JSON.parse(asked) });
    } catch (error) {
      keep("table", ""); // no filters: somebody wrote it by hand
    }
    grid.addEventListener("filterChanged", (event) => {
      const model = event.api.getFilterModel();
      keep("table", Object.keys(model).length ? JSON.stringify(model) : "");
    });
    return true;
  };

  document.addEventListener("input", (event) => {
    const id = event.target.id || "";
    if (!id.startsWith("{") || JSON.parse(id).key !== FIELD.key) return;
    const said = (typed = event.target.value);
    // The field hands on what it has held for a while, and only what differs from the last that it handed on: a word
    // that comes right behind another of `pick`'s may be the same, and would be lost.
    window.setTimeout(() => {
      if (typed === said) window.dash_clientside.set_props(FIELD, { value: said });
    }, LATE);
  });

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.lpbench_ticks = {
    // Ticked rows -> text field; identities whose rows are not loaded stay in it.
    pick: function (rows) {
      const grid = table();
      if (!rows || !grid) return none();
      const first = begin(grid);
      const loaded = (id) => (grid.getRowNode(id) || {}).data;
      // Of the table itself: `rows` may be older than the last tick, which would be lost.
      const ticked = grid.getSelectedRows().map((row) => row.cell_id);
      if (first) ticked.unshift(...[...picked].filter((id) => !ticked.includes(id))); // not marked yet
      const marked = [...picked].filter(loaded);
      if (ticked.length === marked.length && ticked.every((id) => picked.has(id))) return none(); // `mark` did it
      const kept = [...picked].filter((id) => !loaded(id) || ticked.includes(id));
      picked = new Set([...new Set([...kept, ...ticked])].slice(0, MOST_PICKED));
      typed = null;
      mark(grid); // what is one too many loses its tick
      return [...picked].join(",");
    },
    // Text field -> ticked rows, now and whenever rows are loaded. The field says again what `pick` told it, some time
    // later, and by then that may be old: only what somebody else wrote is followed.
    tick: async function (written) {
      const grid = table() || (await window.dash_ag_grid.getApiAsync("grid"));
      begin(grid);
      if (typed !== null && !same(typed, written)) return none(); // what was written since is on its way
      if (typed !== null) picked = new Set(ids(written));
      typed = null;
      mark(grid);
      const all = [...picked].join(",");
      if (!same(all, written)) window.dash_clientside.set_props(FIELD, { value: all });
      return none();
    },
    // Other rows are asked for: from the start where the choice changed, in place where the sweep went on.
    reload: function (status, ranges) {
      const asked = JSON.stringify([status, ranges]);
      const context = window.dash_clientside.callback_context;
      const other = context.triggered.length && chosen !== null && asked !== chosen;
      const grown = context.triggered.some((one) => one.prop_id === "version.data");
      chosen = asked;
      const grid = table();
      if (grid && other) grid.purgeInfiniteCache();
      else if (grid && grown) grid.refreshInfiniteCache();
      return none();
    },
    // Back wrote this into a control.
    told: function (key, value) {
      if (key === FIELD.key) typed = value;
    },
  };
})();
