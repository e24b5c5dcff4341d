// The address of a view: one spelling for links, Back, exports and the commands that dialogs show.
(function () {
  "use strict";
  const now = () => new URLSearchParams(window.location.search);
  const written = (query) => query.toString().replace(/%2C/g, ",").replace(/%3A/g, ":");
  const search = (query) => {
    const text = written(query);
    return window.location.pathname + (text ? "?" + text : "");
  };
  // The address always names the sweep once a reader has changed anything: without, it is that of the newest sweep.
  const named = (query) => {
    const view = window.lpbenchView;
    if (view && view.sweep && !query.get("sweep")) {
      return new URLSearchParams([["sweep", view.sweep], ...query]);
    }
    return query;
  };
  const keep = (key, value) => {
    const query = named(now());
    if (value) query.set(key, value);
    else query.delete(key);
    window.history.replaceState(window.history.state, "", search(query));
  };
  // What a figure shows, without what lies in none.
  const drawn = () => {
    const query = now();
    for (const key of ["sweep", "table", "all"]) query.delete(key);
    return query;
  };
  // PAGE?QUERY, as `--view` of `lpbench report` and the second word of `lpbench figure` have it.
  const page = (view) => {
    const text = written(drawn());
    return view.page + (text ? "?" + text : "");
  };
  window.lpbenchAddress = { now, written, search, named, keep, drawn, page };
})();
