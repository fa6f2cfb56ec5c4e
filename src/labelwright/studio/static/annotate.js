// Annotating: one row after the other, a number key for each of the first nine classes.
"use strict";

{
  const place = byId("annotate");
  const classes = JSON.parse(place.dataset.classes);
  const task = place.dataset.task;
  const picked = new Set();
  let held = null;
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
    if (task === "multilabel") one.setAttribute("aria-pressed", "false");
    one.addEventListener("click", () => choose(name, one));
    return one;
  }

  function choose(name, one) {
    if (task !== "multilabel") { answer(name); return; }
    if (!picked.delete(name)) picked.add(name);
    one.setAttribute("aria-pressed", String(picked.has(name)));
  }

  function list(wanted = "") {
    const shown = classes.filter((name) => name.toLocaleLowerCase().includes(wanted.toLocaleLowerCase())).slice(0, 60);
    byId("choices").replaceChildren(...shown.map(button));
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
    try {
      held = await send("/api/annotation/next");
    } catch (problem) {
      tell(fill(words.failed, { problem: problem.message }), true);
      return;
    }
    const none = held.row === null;
    byId("nothing").hidden = !none;
    place.querySelector("article").hidden = none;
    if (none) return;
    picked.clear();
    if (task !== "regression") list();
    byId("done-count").textContent = held.done.toLocaleString();
    byId("guide-text").textContent = held.guidelines.text || byId("guide-text").textContent;
    show(held.content, held.row);
    started = performance.now();
  }

  async function answer(label) {
    const seconds = (performance.now() - started) / 1000;
    try {
      await send(`/api/annotation/${held.assignment}/answer`, { label, seconds });
      tell(fill(words.saved, { what: label }));
    } catch (problem) {
      tell(fill(words.failed, { problem: problem.message }), true);
    }
    next();
  }

  byId("save")?.addEventListener("click", () => answer(task === "multilabel" ? [...picked] : Number(byId("value").value)));
  byId("skip-row").addEventListener("click", async () => { await send(`/api/annotation/${held.assignment}/skip`); next(); });
  byId("class-filter")?.addEventListener("input", (event) => list(event.target.value));
  document.addEventListener("keydown", (event) => {
    if (event.target.closest("input, textarea") || event.ctrlKey || event.metaKey || event.altKey || !keysAreOn()) return;
    const number = Number(event.key) - 1;
    const buttons = byId("choices").children;
    if (number >= 0 && number < Math.min(buttons.length, 9)) { event.preventDefault(); buttons[number].click(); }
  });
  next();
}
