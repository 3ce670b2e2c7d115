// Sorting of tables, and the age of the page when it is opened. Without it the page only lacks them.
"use strict";

for (const table of document.querySelectorAll("table")) {
  table.querySelectorAll("thead th").forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => sortRows(table, heading, column));
  });
}

// Numbers begin with the largest, days and texts with the first; what is empty is always last.
function sortRows(table, heading, column) {
  const first = heading.classList.contains("number") ? "descending" : "ascending";
  const other = first === "descending" ? "ascending" : "descending";
  const order = heading.getAttribute("aria-sort") === first ? other : first;
  const sign = order === "ascending" ? 1 : -1;
  const texts = new Intl.Collator(document.documentElement.lang, { numeric: true });
  const rows = [...table.tBodies[0].rows].map((row) => [readValue(row.cells[column]), row]);
  rows.sort(([one], [two]) => {
    if (one === null || two === null) return (one === null) - (two === null);
    return sign * (typeof one === "number" ? one - two : texts.compare(one, two));
  });
  table.tBodies[0].append(...rows.map(([, row]) => row));
  for (const each of table.querySelectorAll("[aria-sort]")) each.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", order);
}

function readValue(cell) {
  const content = cell.firstElementChild;
  if (content === null) return null;
  if (content.tagName === "DATA") return Number(content.value);
  return content.tagName === "TIME" ? content.dateTime : content.textContent;
}

const age = document.getElementById("age");
if (age) {
  const days = Math.floor((Date.now() - Date.parse(age.dataset.currentTo)) / 86400000);
  if (days > Number(age.dataset.days)) {
    age.textContent = age.dataset.text.replace("{days}", days);
    age.hidden = false;
  }
}
