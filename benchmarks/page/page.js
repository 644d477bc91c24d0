"use strict";

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const filters = document.querySelector(".filters");
const status = document.getElementById("status");

/* Filters. A facet with nothing chosen lets everything pass; so does one that a node lacks. */

function chosen() {
  const names = all("[data-menu]").map((menu) => menu.dataset.menu);
  const values = (name) => all(`input[name="${name}"]:checked`, filters).map((box) => box.value);
  return names.map((name) => [name, new Set(values(name))]);
}

function applyFilters() {
  const facets = chosen();
  for (const node of all("[data-facets]")) {
    node.hidden = facets.some(
      ([name, values]) => values.size && name in node.dataset && !values.has(node.dataset[name])
    );
  }
  // A detector that was not run in the columns left, a group without a strip.
  for (const line of all("#headline tbody tr:not([hidden])")) {
    line.hidden = !line.querySelector("td:not([hidden]):not(.missing)");
  }
  for (const group of all("[data-group]")) {
    group.hidden = !group.querySelector("[data-facets]:not([hidden])");
  }
  for (const empty of all(".empty")) {
    const inside = "tbody tr, .part, figure";
    empty.hidden = all(inside, empty.parentElement).some((node) => !node.hidden);
  }
  for (const [name, values] of facets) {
    const boxes = all(`input[name="${name}"]`, filters).filter((box) => values.has(box.value));
    const text = boxes.map((box) => box.parentElement.textContent.trim());
    const told = filters.querySelector(`[data-menu="${name}"] summary b`);
    told.textContent = text.length > 2 ? `${text.length} chosen` : text.join(", ") || "all";
  }
  const lines = all("#headline tbody tr");
  status.textContent = `${lines.filter((line) => !line.hidden).length} of ${lines.length} detectors shown`;
}

filters.addEventListener("change", applyFilters);
filters.addEventListener("reset", () => setTimeout(applyFilters));
filters.addEventListener("submit", (event) => event.preventDefault());

const menus = all(".menu");
const close = (but) => menus.forEach((menu) => menu !== but && menu.removeAttribute("open"));
document.addEventListener("click", (event) => close(event.target.closest(".menu")));
for (const menu of menus) {
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}

/* Sorting: numbers from the highest at first, words from A; what is empty stays below. */

function key(line, column) {
  const cell = line.cells[column];
  return cell.dataset.value ?? cell.textContent.trim();
}

function compare(a, b) {
  const numbers = [Number(a), Number(b)];
  return numbers.some(Number.isNaN) ? a.localeCompare(b, "en", { numeric: true }) : numbers[0] - numbers[1];
}

function sort(head) {
  const table = head.closest("table");
  const body = table.tBodies[0];
  const column = head.cellIndex;
  const lines = [...body.rows].map((line) => [key(line, column), line]);
  const words = lines.some(([value]) => value !== "" && Number.isNaN(Number(value)));
  const start = words ? "ascending" : "descending";
  const other = words ? "descending" : "ascending";
  const order = head.getAttribute("aria-sort") === start ? other : start;
  const sign = order === "ascending" ? 1 : -1;
  const full = lines.filter(([value]) => value !== "").sort((a, b) => sign * compare(a[0], b[0]));
  body.append(...full.map(([, line]) => line), ...lines.filter(([value]) => value === "").map(([, line]) => line));
  for (const one of all("th[aria-sort]", table)) one.setAttribute("aria-sort", one === head ? order : "none");
  status.textContent = `Sorted by ${head.textContent.trim().replace(/\s+/g, " ")}, ${order}`;
}

for (const button of all("th[aria-sort] button")) {
  button.addEventListener("click", () => sort(button.closest("th")));
}

/* An image enlarged; the arrow keys step through what is shown. */

const large = document.getElementById("large");
let current = null;

function show(button) {
  current = button;
  const images = all("img", button).map((image) => image.cloneNode());
  images.forEach((image) => image.removeAttribute("loading"));
  large.querySelector(".stage").replaceChildren(...images);
  const caption = button.querySelector(".full");
  large.querySelector(".caption").replaceChildren(...caption.cloneNode(true).childNodes);
  if (!large.open) large.showModal();
}

function step(by) {
  const shown = all("[data-open]").filter((button) => button.checkVisibility());
  const next = shown[shown.indexOf(current) + by];
  if (next) show(next);
}

for (const button of all("[data-open]")) button.addEventListener("click", () => show(button));
for (const button of all("[data-step]", large)) {
  button.addEventListener("click", () => step(Number(button.dataset.step)));
}
large.addEventListener("keydown", (event) => {
  if (event.key === "ArrowLeft") step(-1);
  if (event.key === "ArrowRight") step(1);
});
large.addEventListener("click", (event) => event.target === large && large.close());
large.addEventListener("close", () => current.focus());

applyFilters();
