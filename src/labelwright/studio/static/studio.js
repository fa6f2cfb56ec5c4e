// The studio in the browser: one key each, the next row fetched ahead, and decisions that outlive a lost connection.
"use strict";

const words = JSON.parse(document.body.dataset.strings);
const csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";
const byId = (id) => document.getElementById(id);
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

function tell(text, bad = false) {
  const place = byId("told");
  place.textContent = text;
  place.classList.add("shown");
  place.classList.toggle("bad", bad);
  clearTimeout(tell.timer);
  if (!bad) tell.timer = setTimeout(() => place.classList.remove("shown"), 2500);
}

async function send(path, body, method = "POST") {
  const headers = { "Content-Type": "application/json", "X-CSRF-Token": csrf };
  const answer = await fetch(path, { method, headers, body: JSON.stringify(body ?? {}) });
  const found = answer.status === 204 ? {} : await answer.json();
  if (answer.ok) return found;
  throw Object.assign(new Error(found.problem ?? answer.statusText), { status: answer.status, now: found.now });
}

// Decisions wait here, in this browser, until the server has stored them.
const outbox = {
  key: "labelwright-unsent",
  read() { return JSON.parse(localStorage.getItem(this.key) ?? "[]"); },
  write(list) { localStorage.setItem(this.key, JSON.stringify(list)); },
  add(decision) { this.write([...this.read(), decision]); return this.flush(); },
  async flush() {
    if (this.busy) return this.busy;
    this.busy = this.sendAll().finally(() => { this.busy = null; });
    return this.busy;
  },
  async sendAll() {
    let waited = false;
    for (let list = this.read(); list.length; list = this.read()) {
      try {
        const stored = await send("/api/decisions", list[0]);
        review?.stored(list[0], stored);
      } catch (problem) {
        if (problem.status === undefined || problem.status >= 500) {
          tell(fill(words.unsent, { n: list.length }), true);
          setTimeout(() => this.flush(), 3000);
          return;
        }
        const now = problem.now;
        tell(now ? fill(words.conflict, { who: now.who ?? "", verdict: now.label ?? now.verdict ?? "" })
                 : fill(words.failed, { problem: problem.message }), true);
      }
      this.write(this.read().filter((one) => one.client_key !== list[0].client_key));
      waited ||= list.length > 1;
    }
    if (waited) tell(words.sent);
  },
};

const KEYS = JSON.parse(localStorage.getItem("labelwright-keys") ?? "null") ??
  { keep: "k", accept: "a", choose: "c", reject: "r", cannot_tell: "t", skip: "s", mark: "m", note: "n", undo: "u" };

class Review {
  constructor(place) {
    this.place = place;
    this.item = byId("item");
    this.query = place.dataset.queue;
    this.kind = place.dataset.kind;
    this.rows = [];
    this.skipped = new Set();
    this.done = [];
    this.ahead = new Map();
    this.item.addEventListener("keydown", (event) => {
      if (event.target.id === "value" && event.key === "Enter") { event.preventDefault(); this.act("value"); }
      if (event.target.id === "note" && event.key === "Enter") event.target.blur();
    });
    this.item.addEventListener("click", (event) => {
      const act = event.target.closest("[data-act]")?.dataset.act;
      if (act) this.act(act);
    });
  }

  async more() {
    const answer = await fetch(`/api/queue?${this.query}&limit=100`);
    const found = await answer.json();
    const waiting = new Set(outbox.read().map((one) => one.row));
    this.rows = found.rows.map((one) => one.row).filter((row) => !this.skipped.has(row) && !waiting.has(row));
    this.count(found.length);
  }

  count(left) {
    this.left = left;
    byId("left").textContent = left.toLocaleString();
  }

  fetchItem(row) {
    if (!this.ahead.has(row)) {
      this.ahead.set(row, fetch(`/fragments/item/${row}`).then((answer) => answer.text()));
    }
    return this.ahead.get(row);
  }

  async next() {
    if (!this.rows.length) await this.more();
    const row = this.rows.shift();
    if (row === undefined) {
      this.row = null;
      this.item.replaceChildren(byId("done").content.cloneNode(true));
      this.item.querySelector(".empty").focus({ preventScroll: true });
      return;
    }
    await this.show(row);
    for (const other of this.rows.slice(0, 3)) this.fetchItem(other);
  }

  // The same row with what is known of it now; other parts of it that were fetched ahead are stale.
  again() {
    this.ahead.clear();
    return this.show(this.row);
  }

  async show(row) {
    const held = this.shownOnce && (this.item.contains(document.activeElement) || document.activeElement === document.body);
    this.shownOnce = true;
    this.row = row;
    const text = await this.fetchItem(row);
    this.ahead.delete(row);
    const parsed = new DOMParser().parseFromString(text, "text/html");
    this.item.replaceChildren(...parsed.body.childNodes);
    // The next row is where the person is: read out, and reached by the next Tab.
    if (held) this.item.querySelector(".item").focus({ preventScroll: true });
    for (const button of this.item.querySelectorAll("[data-act]")) {
      const key = KEYS[button.dataset.act];
      if (key && keysAreOn()) {
        const hint = document.createElement("kbd");
        hint.textContent = key.toUpperCase();
        button.append(hint);
        button.setAttribute("aria-keyshortcuts", key);
      }
    }
  }

  act(name) {
    if (name === "zoom") this.zoom();
    else if (name === "undo") this.undo();
    else if (this.row === null || this.place.dataset.rights !== "review") return;
    else if (name === "skip") { this.skipped.add(this.row); tell(words.skipped); this.next(); }
    else if (name === "mark") this.mark();
    else if (name === "note") byId("note")?.focus();
    else if (name === "choose" && this.place.dataset.task === "regression") byId("value").focus();
    else if (!this.item.querySelector(`[data-act="${name}"]`) && name !== "undo") return;  // not offered for this row
    else if (name === "choose") {
      const tags = this.item.querySelector(".item").dataset.tags;
      chooser.open((label) => this.decide("relabel", label), tags === undefined ? null : JSON.parse(tags));
    } else if (name === "value") {
      const value = byId("value");
      if (value.value !== "" && value.reportValidity()) this.decide("relabel", Number(value.value));
    } else if (name === "accept") {
      const suggestion = this.item.querySelector(".item").dataset.suggestion;
      if (suggestion !== undefined) this.decide("relabel", JSON.parse(suggestion));
    } else this.decide(name);
  }

  zoom() {
    const button = this.item.querySelector(".zoom");
    if (!button) return;
    const large = button.classList.toggle("large");
    button.setAttribute("aria-pressed", String(large));
  }

  decide(verdict, label = null) {
    const shown = this.item.querySelector(".item");
    const decision = {
      row: this.row, verdict, label, version: Number(shown.dataset.version), note: byId("note")?.value || null,
      queue: this.kind, client_key: crypto.randomUUID(),
    };
    this.count(Math.max(this.left - 1, 0));
    tell(fill(words.saved, { what: Array.isArray(label) ? label.join(", ") : label ?? words.verdicts[verdict] }));
    outbox.add(decision);
    this.next();
  }

  stored(decision, answer) {
    this.done.push({ event: answer.event, row: decision.row });
  }

  async undo() {
    await outbox.flush();
    const last = this.done.pop();
    if (!last) return;
    try {
      await send(last.batch ? `/api/batches/${last.batch}/undo` : `/api/decisions/${last.event}/undo`);
      tell(words.undone);
      this.count(this.left + 1);
      if (this.row !== null) this.rows.unshift(this.row);
      await this.show(last.row);
    } catch (problem) {
      tell(fill(words.failed, { problem: problem.message }), true);
    }
  }

  async mark() {
    const button = this.item.querySelector('[data-act="mark"]');
    const marked = button.getAttribute("aria-pressed") !== "true";
    await send("/api/marks", { row: this.row, marked });
    button.setAttribute("aria-pressed", String(marked));
    tell(words.marked);
  }
}

// A list of classes that narrows while one types, so that thousands are no harder than ten.
const chooser = {
  open(take, ticked) {
    this.take = take;
    this.ticked = ticked && new Set(ticked);
    byId("class-search").value = "";
    this.list();
    byId("choose").showModal();
  },
  list() {
    const own = document.querySelector("article.item")?.dataset.options;
    const all = JSON.parse(own ?? byId("class-list").dataset.classes);
    const wanted = byId("class-search").value.toLocaleLowerCase();
    const starts = all.filter((name) => name.toLocaleLowerCase().startsWith(wanted));
    const holds = all.filter((name) => !starts.includes(name) && name.toLocaleLowerCase().includes(wanted));
    this.names = [...starts, ...holds].slice(0, 50);
    this.at = 0;
    byId("class-list").replaceChildren(...this.names.map((name, place) => {
      const entry = document.createElement("li");
      entry.setAttribute("role", "option");
      entry.id = `class-${place}`;
      entry.textContent = name;
      entry.dir = "auto";
      entry.addEventListener("click", () => (this.ticked ? this.tick(place) : this.choose(place)));
      return entry;
    }));
    this.point();
  },
  tick(place) {
    const name = this.names[place];
    if (name === undefined) return;
    if (!this.ticked.delete(name)) this.ticked.add(name);
    this.at = place;
    this.point();
  },
  save() {
    byId("choose").close();
    this.take([...this.ticked]);
  },
  point() {
    const entries = [...byId("class-list").children];
    entries.forEach((entry, place) => {
      entry.classList.toggle("at", place === this.at);
      entry.setAttribute("aria-selected", String(this.ticked ? this.ticked.has(this.names[place]) : place === this.at));
    });
    if (this.ticked) byId("ticked").textContent = fill(words.ticked, { names: [...this.ticked].join(", ") || "–" });
    entries[this.at]?.scrollIntoView({ block: "nearest" });
    byId("class-search").setAttribute("aria-activedescendant", `class-${this.at}`);
  },
  choose(place) {
    const name = this.names[place];
    byId("choose").close();
    if (name !== undefined) this.take(name);
  },
  key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.names.length) {
      this.at = (this.at + step + this.names.length) % this.names.length;
      this.point();
      event.preventDefault();
    } else if (event.key === " " && this.ticked) {
      event.preventDefault();
      this.tick(this.at);
      event.target.select();
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (this.ticked) this.save();
      else this.choose(this.at);
    }
  },
};

const keysAreOn = () => localStorage.getItem("labelwright-keys-off") !== "1";

function setUpKeys() {
  const box = byId("keys-on");
  box.checked = keysAreOn();
  box.addEventListener("change", () => localStorage.setItem("labelwright-keys-off", box.checked ? "0" : "1"));
  for (const [name, key] of Object.entries(KEYS)) {
    const line = document.createElement("div");
    const what = document.createElement("dt");
    const input = document.createElement("input");
    what.textContent = words.acts[name];
    Object.assign(input, { value: key, maxLength: 1, size: 2, ariaLabel: what.textContent });
    input.addEventListener("change", () => {
      KEYS[name] = input.value.toLowerCase();
      localStorage.setItem("labelwright-keys", JSON.stringify(KEYS));
    });
    const place = document.createElement("dd");
    place.append(input);
    line.append(what, place);
    byId("key-list").append(line);
  }
  document.addEventListener("keydown", (event) => {
    if (event.target.closest?.("input, textarea, dialog[open]")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (!keysAreOn() || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = Object.keys(KEYS).find((name) => KEYS[name] === event.key.toLowerCase());
    if (act) { event.preventDefault(); review.act(act); }
  });
}

let review = null;
if (byId("review")) {
  review = new Review(byId("review"));
  byId("class-search").addEventListener("input", () => chooser.list());
  byId("class-search").addEventListener("keydown", (event) => chooser.key(event));
  byId("save-tags")?.addEventListener("click", () => chooser.save());
  setUpKeys();
  review.next();
}
if (csrf) outbox.flush();

for (const place of document.querySelectorAll("time[data-at]")) {
  const at = new Date(Number(place.dataset.at) * 1000);
  place.dateTime = at.toISOString();
  place.textContent = at.toLocaleString();
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  try {
    if ("logout" in button.dataset) { await send("/api/logout"); location.assign("/login"); }
    if ("revert" in button.dataset) { await send(`/api/decisions/${button.dataset.revert}/revert`); location.reload(); }
    if ("post" in button.dataset) { await send(button.dataset.post); location.reload(); }
    const settled = button.closest("[data-settle]");
    if (settled && ("label" in button.dataset || "verdict" in button.dataset)) {
      const { settle, version } = settled.dataset;
      const verdict = button.dataset.verdict ?? "relabel";
      const label = button.dataset.label ?? null;
      await send("/api/decisions", { row: Number(settle), version: Number(version), verdict, label, queue: "adjudicate" });
      settled.remove();
      tell(fill(words.saved, { what: label ?? words.verdicts[verdict] }));
    }
    if ("send" in button.dataset) {
      const done = await send(button.dataset.send, JSON.parse(button.dataset.body));
      if ("settled" in button.dataset) offerUndo(button, done.batch);
      else location.reload();
    }
  } catch (problem) {
    tell(fill(words.failed, { problem: problem.message }), true);
  }
});

// What was settled stays in its place, with the way back.
function offerUndo(button, batch) {
  const back = document.createElement("button");
  back.type = "button";
  back.className = "second";
  back.dataset.post = `/api/batches/${batch}/undo`;
  back.textContent = words.take_back;
  const line = document.createElement("p");
  line.className = "undoline";
  line.append(button.textContent, " ", back);
  button.closest(".actions").replaceWith(line);
  back.focus();
  tell(words.settled);
}

function read(form) {
  const values = {};
  for (const [name, value] of new FormData(form)) {
    if (form.elements[name].dataset?.flag !== undefined) { values[name] = true; continue; }
    const number = form.elements[name].dataset?.number !== undefined;
    values[name] = number ? (value === "" ? null : Number(value)) : value;
    if (form.elements[name].dataset?.time !== undefined) values[name] = new Date(value).getTime() / 1000;
  }
  return values;
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!["export", "post", "put"].some((name) => name in form.dataset)) return;
  event.preventDefault();
  try {
    const values = read(form);
    if ("export" in form.dataset) {
      const done = await send("/api/export/data", values);
      const said = fill(words.written, { out: done.out });
      tell(said);
      byId("written").textContent = said;
      return;
    }
    if (form.dataset.confirm && !confirm(form.dataset.confirm)) return;
    if (form.dataset.preview) {
      const touched = await (await fetch(`${form.dataset.preview}?${new URLSearchParams(values)}`)).json();
      if (touched.problem) throw new Error(touched.problem);
      if (!confirm(fill(words.sure, touched))) return;
    }
    await send(form.dataset.put ?? form.dataset.post, values, form.dataset.put ? "PUT" : "POST");
    location.reload();
  } catch (problem) {
    tell(fill(words.failed, { problem: problem.message }), true);
  }
});

if (document.querySelector("[data-wait]")) setTimeout(() => location.reload(), 3000);
