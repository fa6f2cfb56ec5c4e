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
  if (!bad) tell.timer = setTimeout(hush, 2500);
}

function hush() {
  byId("told").classList.remove("shown");
}

// Say what went wrong; who is no longer logged in gets the way to do so.
function tellProblem(problem, text = words.failed) {
  tell(fill(text, { problem: problem.message }), true);
  if (problem.status !== 401) return;
  const link = Object.assign(document.createElement("a"), { href: "/login", textContent: words.log_in });
  byId("told").append(" ", link);
}

// Ask the server; whatever goes wrong is an Error with a line to show, and with the status where there was an answer.
async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error(words.unreachable);
  }
  if (answer.ok) return answer;
  const found = await answer.json().catch(() => ({})); // a proxy answers with a page of its own
  const line = found.problem ?? `${answer.status} ${answer.statusText}`;
  throw Object.assign(new Error(line), { status: answer.status, now: found.now });
}

async function send(path, body, method = "POST") {
  const headers = { "Content-Type": "application/json", "X-CSRF-Token": csrf };
  const answer = await ask(path, { method, headers, body: JSON.stringify(body ?? {}) });
  return answer.status === 204 ? {} : answer.json();
}

const isAway = (problem) => problem.status === undefined || problem.status >= 500;
const mayBeSentLater = (problem) => isAway(problem) || [401, 403, 408, 429].includes(problem.status);

// Decisions wait here, in this browser, until the server has stored them: those of this person in this project.
const outbox = {
  key: `labelwright-unsent ${document.body.dataset.place}`,
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
        if (mayBeSentLater(problem)) {
          tellProblem(problem, fill(words.unsent, { n: list.length, problem: "{problem}" }));
          if (isAway(problem)) setTimeout(() => this.flush(), 3000);
          return;
        }
        const now = problem.now;
        if (now) tell(fill(words.conflict, { who: now.who ?? "", verdict: now.label ?? words.verdicts[now.verdict] ?? "" }), true);
        else tellProblem(problem);
      }
      this.write(this.read().filter((one) => one.client_key !== list[0].client_key));
      waited ||= list.length > 1;
    }
    if (waited) tell(words.sent);
  },
};

const KEYS = {
  keep: "k", accept: "a", choose: "c", reject: "r", cannot_tell: "t", skip: "s", mark: "m", note: "n", undo: "u",
  ...JSON.parse(localStorage.getItem("labelwright-keys") ?? "{}"),
};

class Review {
  constructor(place) {
    this.place = place;
    this.item = byId("item");
    this.query = place.dataset.queue;
    this.kind = place.dataset.kind;
    this.row = null; // that is shown
    this.changing = false;
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
    const found = await (await ask(`/api/queue?${this.query}&limit=100`)).json();
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
      const text = ask(`/fragments/item/${row}`).then((answer) => answer.text());
      text.catch(() => this.ahead.delete(row)); // it is asked for again when its turn comes
      this.ahead.set(row, text);
    }
    return this.ahead.get(row);
  }

  async next() {
    await this.change(async () => {
      if (!this.rows.length) await this.more();
      if (!this.rows.length) {
        this.row = null;
        this.replace("done");
        return;
      }
      await this.put(this.rows[0]);
      this.rows.shift();
      for (const other of this.rows.slice(0, 3)) this.fetchItem(other);
    });
  }

  show(row) {
    return this.change(() => this.put(row));
  }

  // The same row with what is known of it now; other parts of it that were fetched ahead are stale.
  again() {
    this.ahead.clear();
    return this.show(this.row);
  }

  // While another row is on its way nothing is decided, so that no key that is meant for one row hits the next.
  async change(work) {
    this.changing = true;
    try {
      await work();
    } catch (problem) {
      this.row = null;
      this.replace("lost");
      tellProblem(problem, words.not_shown);
    } finally {
      this.changing = false;
    }
  }

  replace(template) {
    this.item.replaceChildren(byId(template).content.cloneNode(true));
    if (this.shownOnce) this.item.querySelector(".empty").focus({ preventScroll: true });
  }

  async put(row) {
    const held = this.shownOnce && (this.item.contains(document.activeElement) || document.activeElement === document.body);
    const text = await this.fetchItem(row);
    this.shownOnce = true;
    this.row = row;
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
    if (this.changing) return;
    if (name === "zoom") this.zoom();
    else if (name === "undo") this.undo();
    else if (name === "retry") this.next();
    else if (this.row === null || this.place.dataset.rights !== "review") return;
    else if (name === "skip") { this.skipped.add(this.row); tell(words.skipped); this.next(); }
    else if (name === "mark") this.mark();
    else if (name === "note") byId("note")?.focus();
    else if (name === "choose" && this.place.dataset.task === "regression") byId("value").focus();
    else if (!this.item.querySelector(`[data-act="${name}"]`)) return; // not offered for this row
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
    this.done.push({ event: answer.event, row: decision.row, counted: true });
  }

  async undo() {
    await outbox.flush();
    if (outbox.read().length) return; // the last decision is not stored yet; that was said
    const last = this.done.pop();
    if (!last) return;
    try {
      await send(last.batch ? `/api/batches/${last.batch}/undo` : `/api/decisions/${last.event}/undo`);
    } catch (problem) {
      if (mayBeSentLater(problem)) this.done.push(last);
      tellProblem(problem);
      return;
    }
    tell(words.undone);
    if (last.counted) this.count(this.left + 1);
    if (this.row !== null && this.row !== last.row) this.rows.unshift(this.row);
    this.ahead.clear();
    await this.show(last.row);
  }

  async mark() {
    const button = this.item.querySelector('[data-act="mark"]');
    const marked = button.getAttribute("aria-pressed") !== "true";
    try {
      await send("/api/marks", { row: this.row, marked });
    } catch (problem) {
      tellProblem(problem);
      return;
    }
    button.setAttribute("aria-pressed", String(marked));
    tell(marked ? words.marked : words.unmarked);
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
      const key = input.value.toLowerCase();
      const taken = Object.keys(KEYS).find((other) => other !== name && KEYS[other] === key);
      if (key && taken) {
        tell(fill(words.key_taken, { key: key.toUpperCase(), what: words.acts[taken] }), true);
        input.value = KEYS[name];
        return;
      }
      KEYS[name] = key;
      localStorage.setItem("labelwright-keys", JSON.stringify(KEYS));
    });
    const place = document.createElement("dd");
    place.append(input);
    line.append(what, place);
    byId("key-list").append(line);
  }
  document.addEventListener("keydown", (event) => {
    if (event.target.closest?.("input, textarea, select, dialog[open]")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (!keysAreOn() || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
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

function showTimes() {
  for (const place of document.querySelectorAll("time[data-at]")) {
    const at = new Date(Number(place.dataset.at) * 1000);
    place.dateTime = at.toISOString();
    place.textContent = at.toLocaleString();
  }
}
showTimes();

// What a button asks for, once; true where the page stays as it is.
async function press(button) {
  const { logout, post, send: path, label, verdict } = button.dataset;
  const settled = button.closest("[data-settle]");
  if (logout !== undefined) {
    await send("/api/logout");
    location.assign("/login");
  } else if (post !== undefined) {
    await send(post);
    location.reload();
  } else if (settled && (label ?? verdict) !== undefined) {
    await settle(settled, verdict ?? "relabel", label ?? null);
    return true;
  } else if (path !== undefined) {
    const done = await send(path, JSON.parse(button.dataset.body));
    if (button.dataset.settled !== undefined) { offerUndo(button, done.batch); return true; }
    location.reload();
  } else return true;
  return false;
}

async function settle(place, verdict, label) {
  const { settle: row, version } = place.dataset;
  await send("/api/decisions", { row: Number(row), version: Number(version), verdict, label, queue: "adjudicate" });
  const next = place.nextElementSibling ?? place.previousElementSibling;
  place.remove();
  next?.querySelector("button")?.focus();
  tell(fill(words.saved, { what: label ?? words.verdicts[verdict] }));
}

// One at a time: pressed twice it is asked for once. `work` says whether the page stays.
async function once(place, work) {
  if (place.ariaBusy === "true") return;
  place.ariaBusy = "true";
  let stays = true;
  try {
    stays = await work();
  } catch (problem) {
    tellProblem(problem);
  }
  if (stays) place.ariaBusy = null;
}

document.addEventListener("click", (event) => {
  if (event.target.closest("#told")) hush();
  const button = event.target.closest("button");
  if (button) once(button, () => press(button));
});
document.addEventListener("keydown", (event) => { if (event.key === "Escape") hush(); });

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

async function submit(form) {
  const values = read(form);
  if ("export" in form.dataset) {
    const done = await send("/api/export/data", values);
    const said = fill(words.written, { out: done.out });
    tell(said);
    byId("written").textContent = said;
    return true;
  }
  if (form.dataset.confirm && !confirm(form.dataset.confirm)) return true;
  if (form.dataset.preview) {
    const touched = await (await ask(`${form.dataset.preview}?${new URLSearchParams(values)}`)).json();
    if (!confirm(fill(words.sure, touched))) return true;
  }
  await send(form.dataset.put ?? form.dataset.post, values, form.dataset.put ? "PUT" : "POST");
  location.reload();
  return false;
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!["export", "post", "put"].some((name) => name in form.dataset)) return;
  event.preventDefault();
  once(form, () => submit(form));
});

// What is being worked on is looked at again: its section alone, so that nothing is lost that somebody writes elsewhere.
async function lookAgain() {
  const there = await ask(location.href).catch(() => null); // away: then later
  if (there) {
    const section = document.querySelector("[data-wait]").closest("section");
    if (!section) { location.reload(); return; }
    const page = new DOMParser().parseFromString(await there.text(), "text/html");
    const now = page.querySelector(`section[aria-labelledby="${section.getAttribute("aria-labelledby")}"]`);
    if (now) section.replaceWith(now);
    else section.remove();
    showTimes();
    if (!document.querySelector("[data-wait]")) return;
  }
  setTimeout(lookAgain, 3000);
}
if (document.querySelector("[data-wait]")) setTimeout(lookAgain, 3000);
