// A table that is sorted by its headings and shows a page of its rows at a time; on paper, all of them.

const collator = new Intl.Collator("en", { numeric: true });

function compare(a, b) {
  return typeof a === "number" ? a - b : collator.compare(a, b);
}

// `columns`: title, value to sort by (null: the order given), class. `row` returns the table rows of an entry.
function pagedTable({ table, pages, columns, row, size: pageSize, onSort }) {
  const state = { entries: [], from: 0, column: -1, down: false };
  const body = table.tBodies[0];
  const previous = make("button", "Previous", { type: "button" });
  const place = make("span", "");
  const next = make("button", "Next", { type: "button" });
  pages.replaceChildren(previous, place, next);
  table.tHead.rows[0].replaceChildren(...columns.map(({ title, className = "" }, n) => {
    const button = make("button", title, { type: "button" });
    button.addEventListener("click", () => onSort(n));
    return make("th", button, { scope: "col", class: className, "data-title": title });
  }));
  previous.addEventListener("click", () => turn(-pageSize));
  next.addEventListener("click", () => turn(pageSize));

  function turn(by) {
    state.from += by;
    draw();
    table.scrollIntoView({ block: "nearest" });
  }

  function sorted(entries) {
    const value = columns[state.column]?.value;
    if (!value) return state.down ? [...entries].reverse() : entries;
    const values = new Map(entries.map((entry) => [entry, value(entry)]));
    const way = state.down ? -1 : 1;
    return [...entries].sort((a, b) => way * compare(values.get(a), values.get(b)));
  }

  // Show entries, which are sorted by a column (-1: as given), from the page that holds `first`.
  function show(entries, { column = -1, down = false, first } = {}) {
    Object.assign(state, { column, down });
    state.entries = sorted(entries);
    const index = state.entries.indexOf(first);
    state.from = index < 0 ? 0 : index - (index % pageSize);
    draw();
  }

  function draw(all = false) {
    const { entries } = state;
    const from = all ? 0 : state.from;
    const until = all ? entries.length : Math.min(from + pageSize, entries.length);
    const rows = document.createDocumentFragment();
    for (let n = from; n < until; n++) rows.append(...row(entries[n]));
    body.replaceChildren(rows);
    table.hidden = entries.length === 0;
    pages.hidden = all || entries.length <= pageSize;
    place.textContent = `${number.format(from + 1)} to ${number.format(until)} of ${number.format(entries.length)}`;
    previous.disabled = from === 0;
    next.disabled = until >= entries.length;
    for (const [n, heading] of [...table.tHead.rows[0].cells].entries()) {
      const way = state.down ? "descending" : "ascending";
      heading.setAttribute("aria-sort", n === state.column ? way : "none");
    }
  }

  return { show, draw, state };
}
