// Dialogs: the command that writes a report of the view, and what is kept with a sweep where readers may change it.
// They stand outside of what Dash draws, so that a sweep that goes on takes no text away from who is typing.
(function () {
  "use strict";
  const { drawn, now, page } = window.lpbenchAddress;
  const make = (kind, more, ...children) => {
    const one = document.createElement(kind);
    for (const [key, value] of Object.entries(more || {})) {
      if (key in one && key !== "list") one[key] = value;
      else one.setAttribute(key, value);
    }
    one.append(...children);
    return one;
  };
  const button = (text, act, more) =>
    make("button", { type: "button", className: "button", onclick: act, ...more }, text);
  const field = (id, text, kind, more) => {
    const one = make(kind, { id: id, ...more });
    return [make("label", { htmlFor: id }, text), one];
  };
  const open = (title, ...parts) => {
    const close = button("Close", () => dialog.close());
    const heading = make("h2", { id: "dialog-title" }, title);
    const dialog = make("dialog", { "aria-labelledby": "dialog-title" }, heading, ...parts,
      make("div", { className: "buttons" }, close));
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
    return dialog;
  };

  const copying = (text) => {
    const one = button("Copy", async () => {
      try {
        await navigator.clipboard.writeText(text());
        one.textContent = "Copied";
      } catch (error) {
        one.textContent = "Copy it from above";
      }
    });
    return one;
  };

  // Note, tags, name and end of a sweep: as server/managing.py takes them.
  const edit = async (view) => {
    const place = view.prefix + "_sweep";
    const wrong = make("p", { className: "wrong", role: "alert" });
    const go = (sweep) => { // to the same view
      const query = now();
      query.set("sweep", sweep);
      window.location.assign(sweep === null ? view.prefix : window.location.pathname + "?" + query.toString());
    };
    const send = async (...changes) => {
      wrong.textContent = "";
      try {
        let now = null;
        for (const change of changes) {
          const answer = await fetch(place, {
            method: "POST",
            headers: { "Content-Type": "application/json" },
            body: JSON.stringify({ sweep: view.sweep, ...change }),
          });
          if (!answer.ok) {
            wrong.textContent = await answer.text();
            return;
          }
          now = (await answer.json()).sweep;
        }
        go(now);
      } catch (error) {
        wrong.textContent = "The server does not answer: " + error.message;
      }
    };
    const answer = await fetch(place + "?sweep=" + encodeURIComponent(view.sweep), { cache: "no-store" });
    if (!answer.ok) {
      wrong.textContent = await answer.text();
      open("Sweep " + view.sweep, wrong);
      return;
    }
    const told = await answer.json();
    const [noteLabel, note] = field("edit-note", "Note", "textarea", { rows: 4, value: told.note });
    const [tagsLabel, tags] = field("edit-tags", "Tags, separated by commas", "input", { value: told.tags.join(", ") });
    const [nameLabel, name] = field("edit-name", "Name", "input", { value: told.sweep, spellcheck: false });
    const [typedLabel, typed] = field("edit-typed", "Type its name to delete it for good", "input", {
      autocomplete: "off", spellcheck: false,
      oninput: () => { remove.disabled = typed.value !== told.sweep; },
    });
    const stays = told.stays ? " What lpbench did not write stays: " + told.stays + "." : "";
    const remove = button("Delete for good", () => send({ do: "delete", typed: typed.value }), { disabled: true });
    const sure = make("div", { hidden: true }, make("p", { className: "note" }, told.gone + "." + stays),
      typedLabel, typed, make("div", { className: "buttons" }, remove));
    const first = button("Delete …", () => {
      sure.hidden = false;
      first.hidden = true;
      typed.focus();
    });
    const list = () => tags.value.split(",").map((tag) => tag.trim()).filter((tag) => tag);
    const said = () => ({ do: "annotate", note: note.value, tags: list() });
    open("Sweep " + told.sweep, noteLabel, note, tagsLabel, tags,
      make("div", { className: "buttons" },
        button("Save note and tags", () => send(said()))),
      nameLabel, name,
      make("div", { className: "buttons" }, button("Rename", () => send(said(), { do: "rename", name: name.value.trim() })), first),
      sure, wrong);
  };

  // What is shown, as a command: without what lies in no figure.
  const report = (view) => {
    const quoted = "'" + page(view).replace(/'/g, "'\\''") + "'";
    const command = "lpbench report " + view.sweep + " --view " + quoted + " -o report " + view.runs;
    const copy = copying(() => command);
    const said = "Writes what this page shows, with its numbers, as a folder that opens offline. Without --view: all pages.";
    open("Report of this view", make("p", { className: "note" }, said),
      make("pre", { tabIndex: 0 }, command), make("div", { className: "buttons" }, copy));
  };

  // One figure for a paper: the command that makes the file, and the file itself where it is text.
  const WIDTHS = ["text", "column", "neurips", "iclr", "icml", "icml-text", "ieee", "ieee-text"]; // as in paper/widths.py
  const TEXTS = ["pgf", "tex"]; // as in server/exports.py
  const paper = (view, panel) => {
    const choose = (id, text, values) => field(id, text, "select", {}).map((one, i) => {
      if (i) one.append(...values.map((value) => make("option", { value: value }, value)));
      return one;
    });
    const [kindLabel, kind] = choose("paper-kind", "File", ["pdf", "pgf", "svg", "png", "tex"]);
    const [widthLabel, width] = choose("paper-width", "Width", WIDTHS);
    const [fontLabel, font] = field("paper-font", "Font size in points", "input", { value: "8", inputMode: "decimal" });
    const [columnsLabel, columns] = field("paper-columns", "Columns of the table, separated by commas", "input", {});
    const wrong = make("p", { className: "wrong", role: "alert" });
    const command = make("pre", { tabIndex: 0 });
    const said = make("p", { className: "note" });
    const quoted = (word) => /^[\w./:=,@%+-]+$/.test(word) ? word : "'" + word.replace(/'/g, "'\\''") + "'";
    const name = view.page.replace(/^\//, "") || "overview";
    const show = () => {
      const table = kind.value === "tex";
      for (const one of [widthLabel, width, fontLabel, font]) one.hidden = table;
      for (const one of [columnsLabel, columns]) one.hidden = !table;
      const words = [view.sweep, page(view), ...(panel === "0" ? [] : ["--panel", panel]),
        ...(table ? (columns.value ? ["--columns", columns.value] : []) : ["--width", width.value, "--font-size", font.value]),
        "-o", name + "." + kind.value];
      command.textContent = "lpbench figure " + words.map(quoted).join(" ") + " " + view.runs;
      download.hidden = !TEXTS.includes(kind.value);
      said.textContent = table ? "The numbers as a table with the rules of booktabs, with caption and label."
        : "The figure in true size, always light; beside it FILE.tex with caption and label. The command draws it.";
      wrong.textContent = "";
    };
    const copy = copying(() => command.textContent);
    const download = button("Download", async () => {
      const asked = drawn();
      const more = { page: view.page, panel: panel, kind: kind.value, sweep: view.sweep, width: width.value,
        font: font.value, columns: columns.value };
      for (const [key, value] of Object.entries(more)) asked.set(key, value);
      const place = view.prefix + "_export?" + asked.toString();
      const answer = await fetch(place);
      if (answer.ok) window.location.assign(place);
      else wrong.textContent = await answer.text();
    });
    for (const one of [kind, width, font, columns]) one.addEventListener("input", show);
    open("For a paper", kindLabel, kind, widthLabel, width, fontLabel, font, columnsLabel, columns, said, command,
      make("div", { className: "buttons" }, copy, download), wrong);
    show();
  };

  document.addEventListener("click", (event) => {
    const pressed = event.target.closest("button");
    const view = window.lpbenchView;
    if (!pressed || !view || !view.sweep) return;
    if (pressed.id === "edit") edit(view);
    if (pressed.id === "report") report(view);
    if (pressed.dataset.paper) paper(view, pressed.dataset.paper);
  });
})();
