// Dialogs: the command that writes a report of the view, and what is kept with a sweep where readers may change it.
// They stand outside of what Dash draws, so that a sweep that goes on takes no text away from who is typing.
(function () {
  "use strict";
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

  // Note, tags, name and end of a sweep: as server/managing.py takes them.
  const edit = async (view) => {
    const place = view.prefix + "_sweep";
    const wrong = make("p", { className: "wrong", role: "alert" });
    const go = (sweep) => { // to the same view
      const query = new URLSearchParams(window.location.search);
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
    const query = new URLSearchParams(window.location.search);
    for (const key of ["sweep", "table", "all"]) query.delete(key);
    const written = query.toString().replace(/%2C/g, ",").replace(/%3A/g, ":");
    const quoted = "'" + (view.page + (written ? "?" + written : "")).replace(/'/g, "'\\''") + "'";
    const command = "lpbench report " + view.sweep + " --view " + quoted + " -o report " + view.runs;
    const copy = button("Copy", async () => {
      try {
        await navigator.clipboard.writeText(command);
        copy.textContent = "Copied";
      } catch (error) {
        copy.textContent = "Copy it from above";
      }
    });
    const said = "Writes what this page shows, with its numbers, as a folder that opens offline. Without --view: all pages.";
    open("Report of this view", make("p", { className: "note" }, said),
      make("pre", { tabIndex: 0 }, command), make("div", { className: "buttons" }, copy));
  };

  document.addEventListener("click", (event) => {
    const pressed = event.target.closest("button");
    const view = window.lpbenchView;
    if (!pressed || !view || !view.sweep) return;
    if (pressed.id === "edit") edit(view);
    if (pressed.id === "report") report(view);
  });
})();
