// Annotating: one row after the other, a number key for each of the first nine classes.
"use strict";

{
  const place = byId("annotate");
  const classes = JSON.parse(place.dataset.classes);
  const task = place.dataset.task;
  const picked = new Set();
  const MOST = 60; // classes on the page at a time
  let held = null; // the row in hand, null while another one is on its way
  let started = 0;

  function button(name, number) {
    const one = document.createElement("button");
    one.type = "button";
    one.className = "second";
    one.dir = "auto";
    one.append(name);
    if (number < 9) {
      const key = document.createElement("kbd");
      key.textContent = String(number + 1);
      one.append(key);
    }
    if (task === "multilabel") one.setAttribute("aria-pressed", String(picked.has(name)));
    one.addEventListener("click", () => choose(name, one));
    return one;
  }

  function choose(name, one) {
    if (task !== "multilabel") { answer(name); return; }
    if (!picked.delete(name)) picked.add(name);
    one.setAttribute("aria-pressed", String(picked.has(name)));
  }

  function list(wanted = "") {
    const found = classes.filter((name) => name.toLocaleLowerCase().includes(wanted.toLocaleLowerCase()));
    byId("choices").replaceChildren(...found.slice(0, MOST).map(button));
    byId("more-choices").hidden = found.length > 0 && found.length <= MOST;
    byId("more-choices").textContent = found.length
      ? fill(words.more_classes, { shown: MOST, of: found.length.toLocaleString() }) : words.no_such_class;
  }

  function show(content, row) {
    const parts = [];
    if (content.image) {
      const image = document.createElement("img");
      image.src = `/api/items/${row}/image?size=768`;
      image.alt = "";
      parts.push(image);
    }
    for (const text of content.texts) {
      const line = document.createElement("p");
      line.className = "text";
      line.dir = "auto";
      line.textContent = text.text;
      parts.push(line);
    }
    if (content.cells.length) {
      const cells = document.createElement("dl");
      cells.className = "cells";
      for (const [name, value] of content.cells) {
        const pair = document.createElement("div");
        const what = document.createElement("dt");
        const is = document.createElement("dd");
        what.textContent = name;
        is.textContent = value ?? "–";
        pair.append(what, is);
        cells.append(pair);
      }
      parts.push(cells);
    }
    byId("content").replaceChildren(...parts);
  }

  async function next() {
    held = null;
    try {
      held = await send("/api/annotation/next");
    } catch (problem) {
      tellProblem(problem, words.not_shown);
    }
    const none = held?.row === null;
    byId("nothing").hidden = !none;
    byId("lost").hidden = held !== null;
    place.querySelector("article").hidden = held === null || none;
    if (held === null || none) return;
    picked.clear();
    if (byId("class-filter")) byId("class-filter").value = "";
    if (task !== "regression") list();
    else byId("value").value = "";
    byId("done-count").textContent = held.done.toLocaleString();
    if (held.guidelines.text) {
      byId("guide-text").textContent = held.guidelines.text;
      byId("guide-version").textContent = `v${held.guidelines.version}`;
    }
    show(held.content, held.row);
    started = performance.now();
  }

  // One answer a row: `held` is gone while it is sent, so a second press finds nothing to answer.
  async function hand(path, body, said) {
    if (held === null) return;
    const mine = held;
    held = null;
    try {
      await send(`/api/annotation/${mine.assignment}/${path}`, body);
      tell(said);
    } catch (problem) {
      tellProblem(problem);
      if (mayBeSentLater(problem)) { held = mine; return; } // it can be pressed again
    }
    await next();
  }

  function answer(label) {
    const seconds = (performance.now() - started) / 1000;
    return hand("answer", { label, seconds }, fill(words.saved, { what: Array.isArray(label) ? label.join(", ") : label }));
  }

  function save() {
    if (task === "multilabel") answer([...picked]);
    else if (byId("value").value !== "" && byId("value").reportValidity()) answer(Number(byId("value").value));
  }

  byId("save")?.addEventListener("click", save);
  byId("value")?.addEventListener("keydown", (event) => { if (event.key === "Enter" && !event.repeat) save(); });
  byId("skip-row").addEventListener("click", () => hand("skip", {}, words.skipped));
  byId("next-row").addEventListener("click", next);
  byId("class-filter")?.addEventListener("input", (event) => list(event.target.value));
  document.addEventListener("keydown", (event) => {
    if (event.target.closest?.("input, textarea") || event.repeat || !keysAreOn()) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const number = Number(event.key) - 1;
    const buttons = byId("choices").children;
    if (number >= 0 && number < Math.min(buttons.length, 9)) { event.preventDefault(); buttons[number].click(); }
  });
  next();
}
