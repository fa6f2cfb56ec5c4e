// The map of the features on a canvas: zoom, move, and a line around rows that leads to their review.
"use strict";

{
  const canvas = byId("map");
  const pen = canvas.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  const colours = Array.from({ length: 9 }, (_, k) => style.getPropertyValue(`--k${k}`).trim());
  const MOST = 500; // rows in an address
  let data = null;
  let view = { x: 0, y: 0, scale: 1 };
  let lasso = null;
  let drawing = false;
  let from = null;

  const size = () => [canvas.clientWidth, canvas.clientHeight];
  const at = (x, y) => {
    const [w, h] = size();
    return [((x - view.x) * view.scale) * (w - 24) + 12, ((y - view.y) * view.scale) * (h - 24) + 12];
  };

  function draw() {
    const [w, h] = size();
    const ratio = devicePixelRatio || 1;
    canvas.width = w * ratio;
    canvas.height = h * ratio;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, w, h);
    if (!data) return;
    const radius = data.rows.length > 20000 ? 1.2 : 2.4;
    for (let i = 0; i < data.rows.length; i++) {
      const [x, y] = at(data.x[i], data.y[i]);
      if (x < 0 || y < 0 || x > w || y > h) continue;
      pen.fillStyle = data.label[i] < 0 ? colours[8] : colours[data.label[i] % 8];
      pen.fillRect(x - radius, y - radius, 2 * radius, 2 * radius);
    }
    pen.strokeStyle = style.getPropertyValue("--ring").trim();
    pen.lineWidth = 1.5;
    for (let i = 0; i < data.rows.length; i++) {
      if (!data.suspect[i]) continue;
      const [x, y] = at(data.x[i], data.y[i]);
      pen.beginPath();
      pen.arc(x, y, radius + 3, 0, 2 * Math.PI);
      pen.stroke();
    }
    if (lasso?.length) {
      pen.strokeStyle = style.getPropertyValue("--ink").trim();
      pen.beginPath();
      lasso.forEach(([x, y], k) => (k ? pen.lineTo(x, y) : pen.moveTo(x, y)));
      pen.stroke();
    }
  }

  function inside(x, y) {
    let odd = false;
    for (let i = 0, j = lasso.length - 1; i < lasso.length; j = i++) {
      const [xi, yi] = lasso[i];
      const [xj, yj] = lasso[j];
      if ((yi > y) !== (yj > y) && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) odd = !odd;
    }
    return odd;
  }

  const address = (rows) => `/review?kind=all&decided=true&rows=${rows.slice(0, MOST).join(",")}`;

  function chooseInView() {
    const [w, h] = size();
    offer((x, y) => x >= 0 && y >= 0 && x <= w && y <= h);
  }

  function offer(isIn) {
    if (!data) return;
    const rows = [];
    for (let i = 0; i < data.rows.length && rows.length < MOST; i++) {
      const [x, y] = at(data.x[i], data.y[i]);
      if (isIn(x, y)) rows.push(data.rows[i]);
    }
    byId("map-count").textContent = fill(words.chosen, { n: rows.length });
    byId("map-review").hidden = !rows.length;
    byId("map-review").href = address(rows);
  }

  // The same map as a table: fields of five by five, each with its commonest labels and a way to its rows.
  function asTable() {
    const fields = new Map();
    for (let i = 0; i < data.rows.length; i++) {
      const x = Math.min(Math.floor(5 * data.x[i]), 4);
      const y = Math.min(Math.floor(5 * data.y[i]), 4);
      const field = fields.get(5 * y + x) ?? { x, y, rows: [], suspect: 0, labels: new Map() };
      field.rows.push([data.suspect[i], data.rows[i]]);
      field.suspect += data.suspect[i];
      field.labels.set(data.label[i], (field.labels.get(data.label[i]) ?? 0) + 1);
      fields.set(5 * y + x, field);
    }
    const lines = [...fields.keys()].sort((a, b) => a - b).map((key) => {
      const { x, y, rows, suspect, labels } = fields.get(key);
      const line = document.createElement("tr");
      const link = document.createElement("a");
      link.textContent = fill(words.across, { x: x + 1, y: y + 1 });
      rows.sort((a, b) => b[0] - a[0]);
      link.href = address(rows.map(([, row]) => row));
      const common = [...labels].sort((a, b) => b[1] - a[1]).slice(0, 3).map(([k, n]) => `${data.names[k] ?? "–"} (${n})`);
      for (const [k, value] of [link, common.join(", "), rows.length.toLocaleString(), suspect.toLocaleString()].entries()) {
        const cell = document.createElement(k ? "td" : "th");
        if (!k) cell.scope = "row";
        if (k > 1) cell.className = "number";
        if (k === 1) cell.dir = "auto";
        cell.append(value);
        line.append(cell);
      }
      return line;
    });
    byId("map-table").replaceChildren(...lines);
  }

  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const [w, h] = size();
    const x = event.offsetX / w / view.scale + view.x;
    const y = event.offsetY / h / view.scale + view.y;
    view.scale = Math.min(Math.max(view.scale * (event.deltaY < 0 ? 1.25 : 0.8), 1), 200);
    view.x = x - event.offsetX / w / view.scale;
    view.y = y - event.offsetY / h / view.scale;
    draw();
  }, { passive: false });

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    from = [event.offsetX, event.offsetY];
    if (drawing) lasso = [from];
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!from) return;
    if (drawing) lasso.push([event.offsetX, event.offsetY]);
    else {
      const [w, h] = size();
      view.x -= (event.offsetX - from[0]) / w / view.scale;
      view.y -= (event.offsetY - from[1]) / h / view.scale;
      from = [event.offsetX, event.offsetY];
    }
    draw();
  });
  canvas.addEventListener("pointerup", () => {
    from = null;
    if (drawing && lasso?.length > 2) offer(inside);
  });
  canvas.addEventListener("pointercancel", () => { from = null; });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (step) { view.x += (0.1 * step[0]) / view.scale; view.y += (0.1 * step[1]) / view.scale; }
    else if (event.key === "Enter") chooseInView();
    else if (event.key === "+" || event.key === "=") view.scale *= 1.25;
    else if (event.key === "-") view.scale = Math.max(view.scale * 0.8, 1);
    else return;
    event.preventDefault();
    draw();
  });

  byId("map-lasso").addEventListener("click", (event) => {
    drawing = !drawing;
    event.target.setAttribute("aria-pressed", String(drawing));
  });
  byId("map-reset").addEventListener("click", () => {
    view = { x: 0, y: 0, scale: 1 };
    lasso = null;
    byId("map-count").textContent = "";
    byId("map-review").hidden = true;
    draw();
  });
  addEventListener("resize", draw);
  ask("/api/explore/map").then((answer) => answer.json()).then((found) => {
    data = found;
    byId("map-names").replaceChildren(...found.names.slice(0, 8).map((name, k) => {
      const entry = document.createElement("li");
      entry.className = `k${k}`;
      entry.textContent = name;
      return entry;
    }));
    asTable();
    draw();
  }).catch((problem) => tellProblem(problem, words.not_shown));
}
