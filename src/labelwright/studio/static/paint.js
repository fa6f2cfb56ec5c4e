// Painting a class over pixels of a mask: with a brush, or with the keys of the arrows and Space.
"use strict";

{
  const item = byId("item");
  const NOTHING = 65535;
  let work = null; // what is painted on the row that is shown

  const color = (k) => `hsl(${((k * 0.618034 + 0.08) % 1) * 360} 65% 50%)`;

  function pictureOf(path) {
    return new Promise((take, fail) => {
      const image = new Image();
      image.onload = () => take(image);
      image.onerror = () => fail(new Error(path));
      image.src = path;
    });
  }

  function rgbOf(k) {
    const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    probe.fillStyle = color(k);
    probe.fillRect(0, 0, 1, 1);
    return probe.getImageData(0, 0, 1, 1).data;
  }

  async function open(form) {
    const [width, height] = form.dataset.view.split(" ").map(Number);
    const canvas = form.querySelector("canvas");
    const row = form.dataset.whole;
    const scale = Math.max(1, Math.floor(1024 / Math.max(width, height)));
    Object.assign(canvas, { width: width * scale, height: height * scale });
    const mask = await pictureOf(`/api/parts/mask/${row}`);
    const image = await pictureOf(`/api/items/${row}/image?size=1024`).catch(() => null);
    const flat = Object.assign(document.createElement("canvas"), { width, height });
    const pen = flat.getContext("2d", { willReadFrequently: true });
    pen.drawImage(mask, 0, 0);
    const read = pen.getImageData(0, 0, width, height).data;
    const kinds = new Uint16Array(width * height);
    const decided = new Uint8Array(width * height);
    for (let at = 0; at < kinds.length; at += 1) {
      kinds[at] = read[4 * at] + 256 * read[4 * at + 1];
      decided[at] = read[4 * at + 2] ? 1 : 0;
    }
    work = {
      form, canvas, width, height, scale, image, kinds, decided, flat, painted: new Uint8Array(width * height),
      x: Math.floor(width / 2), y: Math.floor(height / 2), from: null, colors: new Map(), number: 0,
    };
    legend();
    draw();
  }

  function legend() {
    const names = JSON.parse(work.canvas.dataset.classes);
    const held = new Set(work.kinds);
    byId("legend").replaceChildren(...names.flatMap((name, kind) => {
      if (!held.has(kind)) return [];
      const entry = document.createElement("span");
      const dot = Object.assign(document.createElement("span"), { className: "swatch" });
      dot.style.background = color(kind);
      entry.append(dot, ` ${name}`);
      return [entry];
    }));
  }

  let waits = false; // however fast the pointer moves, one picture is drawn for each that the screen shows
  function draw() {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => { waits = false; drawNow(); });
  }

  function drawNow() {
    const { canvas, flat, width, height, scale, image, kinds, painted, colors } = work;
    const chosen = work.form.elements.label.selectedIndex;
    const shown = new ImageData(width, height);
    for (let at = 0; at < kinds.length; at += 1) {
      const kind = painted[at] ? chosen : kinds[at];
      if (kind === NOTHING) continue;
      if (!colors.has(kind)) colors.set(kind, rgbOf(kind));
      shown.data.set(colors.get(kind), 4 * at);
      shown.data[4 * at + 3] = painted[at] ? 225 : image ? 90 : 160;
    }
    flat.getContext("2d").putImageData(shown, 0, 0);
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
    byId("painted").textContent =
      fill(words.painted, { n: work.number.toLocaleString(), x: work.x, y: work.y });
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

  async function store() {
    const label = work.form.elements.label.value;
    try {
      await outbox.flush();
      const done = await send("/api/parts/painted", { row: Number(work.form.dataset.part), label, runs: runs() });
      review.done.push({ batch: done.batch, row: review.row });
      tell(fill(words.saved, { what: label }));
      await review.show(review.row);
    } catch (problem) {
      tell(fill(words.failed, { problem: problem.message }), true);
    }
  }

  item.addEventListener("toggle", (event) => {
    if (event.target.id === "paint" && event.target.open) {
      open(event.target.querySelector("form")).catch((problem) => tell(fill(words.failed, { problem: problem.message }), true));
    }
  }, true);
  item.addEventListener("pointerdown", (event) => {
    if (event.target !== work?.canvas || event.button !== 0) return;
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
    else if (event.key === "Enter") store();
    else return;
    event.preventDefault();
    draw();
  });
  item.addEventListener("input", (event) => { if (work?.form.contains(event.target)) draw(); });
  item.addEventListener("click", (event) => {
    if (!work || !event.target.closest("[data-clear]")) return;
    work.painted.fill(0);
    work.number = 0;
    draw();
  });
  item.addEventListener("submit", (event) => {
    if (event.target !== work?.form) return;
    event.preventDefault();
    store();
  });
}
