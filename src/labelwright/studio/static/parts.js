// Marking parts of a row: spans by their first and last word, boxes by drawing them or writing their place.
"use strict";

{
  const item = byId("item");
  const form = () => item.querySelector("form.partform");
  const places = ["left", "top", "width", "height"];
  let first = null; // and last: of the words that are pressed
  let last = null;
  let start = null; // where a box is being drawn from
  let pressed = null; // the row that they are of

  function showSpan() {
    for (const token of item.querySelectorAll("[data-token]")) {
      const number = Number(token.dataset.token);
      token.setAttribute("aria-pressed", String(first !== null && number >= first && number <= (last ?? first)));
    }
  }

  function pressWord(number) {
    if (pressed !== review.row) [first, last, pressed] = [null, null, review.row];
    if (first === null || last !== null || number < first) [first, last] = [number, null];
    else last = number;
    form()?.closest("details").setAttribute("open", "");
    showSpan();
  }

  function at(event, svg) {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.querySelector(".marks").getScreenCTM().inverse());
    const within = (value, most) => Math.round(Math.min(Math.max(value, 0), most) * 10) / 10;
    return [within(point.x, Number(svg.dataset.width)), within(point.y, Number(svg.dataset.height))];
  }

  function showBox(values) {
    places.forEach((name, k) => { form().elements[name].value = values[k]; });
    const drawing = item.querySelector(".drawing");
    drawing.removeAttribute("hidden");
    ["x", "y", "width", "height"].forEach((name, k) => drawing.setAttribute(name, values[k]));
  }

  item.addEventListener("click", (event) => {
    const token = event.target.closest("[data-token]");
    if (token) pressWord(Number(token.dataset.token));
    if (event.target.closest("[data-remove]")) store({ part: form().elements.box.value, verdict: "reject" });
  });
  item.addEventListener("pointerdown", (event) => {
    const svg = event.target.closest("svg.drawn");
    if (!svg || !form()?.elements.box || event.button !== 0) return;
    event.preventDefault();
    form().closest("details").setAttribute("open", "");
    svg.setPointerCapture(event.pointerId);
    start = at(event, svg);
  });
  item.addEventListener("pointermove", (event) => {
    const svg = event.target.closest("svg.drawn");
    if (!start || !svg) return;
    const [x, y] = at(event, svg);
    const size = [Math.abs(x - start[0]), Math.abs(y - start[1])].map((one) => Math.round(one * 10) / 10);
    showBox([Math.min(x, start[0]), Math.min(y, start[1]), ...size]);
  });
  for (const ending of ["pointerup", "pointercancel"]) item.addEventListener(ending, () => { start = null; });
  item.addEventListener("input", (event) => {
    if (!form()?.contains(event.target)) return;
    if (event.target.name === "box") {
      const chosen = event.target.selectedOptions[0];
      form().querySelector("[data-remove]").disabled = chosen.value === "new";
      if (chosen.dataset.at) showBox(chosen.dataset.at.split(" "));
      if (chosen.dataset.label) form().elements.label.value = chosen.dataset.label;
    } else if (places.includes(event.target.name)) showBox(places.map((name) => form().elements[name].value || 0));
  });
  item.addEventListener("submit", (event) => {
    if (event.target !== form()) return;
    event.preventDefault();
    event.stopPropagation();
    const { box, label } = form().elements;
    if (!box) {
      if (first !== null && pressed === review.row) store({ part: `${first}-${last ?? first}`, label: label.value });
      return;
    }
    const values = places.map((name) => form().elements[name].value);
    const same = box.selectedOptions[0].dataset.at === values.join(" ");
    store({ part: same ? box.value : `${box.value}:${values.join(",")}`, label: label.value });
  });

  let storing = false; // pressed twice it is stored once
  async function store(said) {
    if (storing) return;
    storing = true;
    const row = review.row;
    try {
      await outbox.flush();
      const done = await send("/api/parts", { row: Number(form().dataset.part), ...said });
      review.done.push({ event: done.event, row: done.row });
      tell(fill(words.saved, { what: said.label ?? words.verdicts[said.verdict] }));
      first = last = null;
      if (review.row === row) await review.again();
    } catch (problem) {
      tellProblem(problem);
    } finally {
      storing = false;
    }
  }
}
