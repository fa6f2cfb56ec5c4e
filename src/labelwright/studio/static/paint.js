// Painting a class over pixels of a mask: with a brush, or with the keys of the arrows and Space.
"use strict";

{
  const item = byId("item");
  const STRIPES = [[96, 96, 96], [224, 224, 224]]; // of pixels that are of no class
  const PAINTED = 225;
  let work = null; // what is painted on the row that is shown
  let chosen = null; // what the next mask begins with: the same class, brush and mode

  const color = (kind) => `hsl(${((kind * 0.618034 + 0.08) % 1) * 360} 65% 50%)`;
  const mine = (target) => work !== null && work.form.isConnected && work.form.contains(target);
  const classOf = (option) => Number(option.dataset.kind);

  async function pictureOf(path) {
    const answer = await ask(path);
    // A mask is numbers: no profile of a screen may change them.
    return createImageBitmap(await answer.blob(), { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  }

  async function open(form) {
    work = null;
    const [width, height] = form.dataset.view.split(" ").map(Number);
    const row = form.dataset.whole;
    const [mask, image] = await Promise.all([
      pictureOf(`/api/parts/mask/${row}`),
      pictureOf(`/api/items/${row}/image?size=1024`).catch(() => null), // there may be none
    ]);
    if (!form.isConnected) return; // another row is shown by now
    const flat = Object.assign(document.createElement("canvas"), { width, height });
    const pen = flat.getContext("2d", { willReadFrequently: true });
    pen.drawImage(mask, 0, 0);
    const shown = pen.getImageData(0, 0, width, height);
    const read = shown.data.slice();
    const [kinds, decided] = [new Uint16Array(width * height), new Uint8Array(width * height)];
    for (let at = 0; at < kinds.length; at += 1) {
      kinds[at] = read[4 * at] + 256 * read[4 * at + 1];
      decided[at] = read[4 * at + 2] ? 1 : 0;
    }
    const canvas = form.querySelector("canvas");
    const scale = Math.max(1, Math.floor(1024 / Math.max(width, height)));
    Object.assign(canvas, { width: width * scale, height: height * scale });
    work = {
      form, canvas, width, height, scale, image, flat, shown, kinds, decided,
      void: Number(canvas.dataset.void), stripe: Math.max(2, Math.round(Math.max(width, height) / 96)),
      pixels: new Uint32Array(shown.data.buffer), painted: new Uint8Array(width * height), number: 0, stale: true,
      x: Math.floor(width / 2), y: Math.floor(height / 2), from: null, colors: new Map(),
      names: new Map([...form.elements.label.options].map((option) => [classOf(option), option.text])),
    };
    if (chosen) for (const [name, value] of Object.entries(chosen)) form.elements[name].value = value;
    if (form.elements.label.selectedIndex < 0) form.elements.label.selectedIndex = 0; // that class is gone
    legend();
    draw();
  }

  // The colour of a class as it lies in the picture, four bytes in one number.
  function colorAt(at) {
    const kind = work.painted[at] ? classOf(work.form.elements.label.selectedOptions[0]) : work.kinds[at];
    const alpha = work.painted[at] ? PAINTED : work.image ? 90 : 160;
    const stripe = kind === work.void ? Math.floor(((at % work.width) + Math.floor(at / work.width)) / work.stripe) % 2 : 0;
    const key = (kind * 256 + alpha) * 2 + stripe;
    if (!work.colors.has(key)) {
      const [red, green, blue] = kind === work.void ? STRIPES[stripe] : rgbOf(kind);
      work.colors.set(key, new Uint32Array(new Uint8Array([red, green, blue, alpha]).buffer)[0]);
    }
    return work.colors.get(key);
  }

  function rgbOf(kind) {
    const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    probe.fillStyle = color(kind);
    probe.fillRect(0, 0, 1, 1);
    return probe.getImageData(0, 0, 1, 1).data;
  }

  // The classes that the mask holds or that is painted with, each with its colour and its key.
  function legend() {
    const select = work.form.elements.label;
    const held = new Set(work.kinds);
    work.form.querySelector(".swatches").replaceChildren(...[...select.options].flatMap((option, place) => {
      const kind = classOf(option);
      if (!held.has(kind) && place !== select.selectedIndex) return [];
      const entry = document.createElement("li");
      const dot = Object.assign(document.createElement("span"), { className: "swatch" });
      if (kind === work.void) dot.classList.add("void");
      else dot.style.background = color(kind);
      const name = document.createElement("bdi");
      name.textContent = option.text;
      entry.append(dot, " ", name);
      const key = keyOf(option);
      if (key) entry.append(" ", Object.assign(document.createElement("kbd"), { textContent: key }));
      if (place === select.selectedIndex) entry.setAttribute("aria-current", "true");
      return [entry];
    }));
  }

  function keyOf(option) {
    if (classOf(option) === work.void) return "0";
    const place = [...work.form.elements.label.options].filter((one) => classOf(one) !== work.void).indexOf(option);
    return place < 9 ? String(place + 1) : "";
  }

  function recolor() {
    for (let at = 0; at < work.pixels.length; at += 1) work.pixels[at] = colorAt(at);
    work.stale = false;
  }

  let waits = false; // however fast the pointer moves, one picture is drawn for each that the screen shows
  function draw() {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => {
      waits = false;
      if (work?.form.isConnected) drawNow();
    });
  }

  function drawNow() {
    const { canvas, flat, scale, image } = work;
    if (work.stale) recolor();
    flat.getContext("2d").putImageData(work.shown, 0, 0);
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, canvas.width, canvas.height);
    if (image) pen.drawImage(image, 0, 0, canvas.width, canvas.height);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(flat, 0, 0, canvas.width, canvas.height);
    for (const [line, style] of [[3, "#fff"], [1, "#111"]]) {
      pen.beginPath();
      pen.arc((work.x + 0.5) * scale, (work.y + 0.5) * scale, (size() / 2) * scale, 0, 2 * Math.PI);
      Object.assign(pen, { lineWidth: line * Math.max(1, canvas.width / 1024), strokeStyle: style });
      pen.stroke();
    }
    const at = work.y * work.width + work.x;
    const name = work.names.get(work.kinds[at]) ?? "–";
    const what = work.decided[at] ? fill(words.decided_here, { what: name }) : name;
    work.form.querySelector("[role=status]").textContent =
      fill(words.painted, { n: work.number.toLocaleString(), x: work.x, y: work.y, what });
  }

  const size = () => Number(work.form.elements.brush.value);

  function dab(x, y) {
    const on = work.form.elements.mode.value === "1" ? 1 : 0;
    const radius = size() / 2;
    for (let down = Math.ceil(y - radius); down <= y + radius; down += 1) {
      for (let across = Math.ceil(x - radius); across <= x + radius; across += 1) {
        const inside = (across - x) ** 2 + (down - y) ** 2 <= radius ** 2;
        const at = down * work.width + across;
        if (!inside || across < 0 || down < 0 || across >= work.width || down >= work.height) continue;
        if (work.decided[at]) continue; // what is decided on is taken back first
        work.number += on - work.painted[at];
        work.painted[at] = on;
        work.pixels[at] = colorAt(at);
      }
    }
  }

  function stroke(x, y) {
    const [fromX, fromY] = work.from ?? [x, y];
    const steps = Math.max(1, Math.ceil(Math.max(Math.abs(x - fromX), Math.abs(y - fromY))));
    for (let step = 0; step <= steps; step += 1) {
      dab(Math.round(fromX + ((x - fromX) * step) / steps), Math.round(fromY + ((y - fromY) * step) / steps));
    }
    work.from = [x, y];
  }

  function move(event) {
    const box = work.canvas.getBoundingClientRect();
    const shown = Math.min(box.width / work.width, box.height / work.height); // the canvas is contained, left and top
    const within = (value, most) => Math.min(Math.max(Math.floor(value), 0), most - 1);
    work.x = within((event.clientX - box.left) / shown, work.width);
    work.y = within((event.clientY - box.top) / shown, work.height);
  }

  function runs() {
    const lengths = [];
    let [on, start] = [0, 0];
    for (let at = 0; at <= work.painted.length; at += 1) {
      if (at < work.painted.length && work.painted[at] === on) continue;
      lengths.push((at - start).toString(36));
      [on, start] = [1 - on, at];
    }
    return lengths.join(".");
  }

  let storing = false; // Enter twice is stored once
  async function store() {
    if (storing) return;
    storing = true;
    const { label, brush, mode } = work.form.elements;
    const [row, byKeys] = [review.row, document.activeElement === work.canvas];
    try {
      await outbox.flush();
      const done = await send("/api/parts/painted", { row: Number(work.form.dataset.part), label: label.value, runs: runs() });
      chosen = { label: label.value, brush: brush.value, mode: mode.value };
      review.done.push({ batch: done.batch, row });
      tell(fill(words.saved, { what: label.selectedOptions[0].text }));
      if (review.row === row) await goOn(byKeys);
    } catch (problem) {
      tellProblem(problem);
    } finally {
      storing = false;
    }
  }

  // The same mask again, with what was stored: most masks take more than one stroke.
  async function goOn(byKeys) {
    const { x, y } = work;
    await review.again();
    const details = item.querySelector("#paint");
    if (!details) return;
    details.open = true;
    await begin(details);
    if (!mine(details.querySelector("canvas"))) return;
    Object.assign(work, { x, y });
    if (byKeys) work.canvas.focus({ preventScroll: true });
  }

  const opening = new WeakMap(); // each form once, however often it is folded
  function begin(details) {
    const form = details.querySelector("form");
    if (!opening.has(form)) {
      opening.set(form, open(form).catch((problem) => {
        opening.delete(form);
        tellProblem(problem, words.not_shown);
      }));
    }
    return opening.get(form);
  }

  item.addEventListener("toggle", (event) => {
    if (event.target.id === "paint" && event.target.open) begin(event.target);
  }, true);
  item.addEventListener("pointerdown", (event) => {
    if (!mine(event.target) || event.target !== work.canvas || event.button !== 0) return;
    event.preventDefault();
    work.canvas.focus({ preventScroll: true });
    work.canvas.setPointerCapture(event.pointerId);
    move(event);
    work.from = null;
    stroke(work.x, work.y);
    draw();
  });
  item.addEventListener("pointermove", (event) => {
    if (event.target !== work?.canvas) return;
    move(event);
    if (work.from) stroke(work.x, work.y);
    draw();
  });
  for (const ending of ["pointerup", "pointercancel"]) {
    item.addEventListener(ending, () => { if (work) work.from = null; });
  }
  item.addEventListener("keydown", (event) => {
    if (event.target !== work?.canvas || event.key === "Tab" || event.ctrlKey || event.metaKey || event.altKey) return;
    event.stopPropagation(); // the letters of the review decide nothing while one paints
    const step = event.shiftKey ? 1 : Math.max(1, Math.floor(size() / 2));
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const way = ways[event.key];
    if (way) {
      work.x = Math.min(Math.max(work.x + way[0] * step, 0), work.width - 1);
      work.y = Math.min(Math.max(work.y + way[1] * step, 0), work.height - 1);
    } else if (event.key === " ") dab(work.x, work.y);
    else if (event.key === "+" || event.key === "=") work.form.elements.brush.value = size() + 2;
    else if (event.key === "-") work.form.elements.brush.value = size() - 2;
    else if (event.key === "Enter") { if (!event.repeat) store(); }
    else if (/^[0-9]$/.test(event.key)) choose(event.key);
    else return;
    event.preventDefault();
    draw();
  });

  function choose(key) {
    const option = [...work.form.elements.label.options].find((one) => keyOf(one) === key);
    if (!option) return;
    option.selected = true;
    classChanged();
  }

  function classChanged() {
    work.stale = true;
    legend();
    draw();
  }

  item.addEventListener("input", (event) => {
    if (!mine(event.target)) return;
    if (event.target.name === "label") classChanged();
    else draw();
  });
  item.addEventListener("click", (event) => {
    if (!mine(event.target) || !event.target.closest("[data-clear]")) return;
    work.painted.fill(0);
    work.number = 0;
    work.stale = true;
    draw();
  });
  item.addEventListener("submit", (event) => {
    if (!event.target.matches(".paintform")) return;
    event.preventDefault();
    if (mine(event.target)) store();
  });
}
