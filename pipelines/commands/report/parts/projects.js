// The table of projects: filters, rows, what opens below a row, and the rows as CSV.

const PROJECTS_PAGE = 50;
const TIME_FIELDS = /_(at|since)$/;
const TITLES = { removed: "Removed", returned: "Listed again", changed: "Changed" };
const SPREADSHEET_FORMULA = /^[=+\-@\t\r]/;
const inputs = Object.fromEntries(["show", "period", "connection", "status"].map((id) => [id, byId(id)]));
let choice = { ...DEFAULTS };

const columns = [
  { title: "Project", name: "name" },
  { title: "Client", name: "client", className: "client", value: (n) => data.projects.client[n] ?? "\uffff" },
  { title: "Connection", name: "connection", className: "connection", value: labelOf },
  { title: "Status", name: "status", className: "state", value: statusOf },
  { title: "First listed", name: "first", className: "first", value: (n) => data.projects.first[n] },
  { title: "Last change", name: "latest", className: "latest", value: (n) => latest[n] },
];

function labelOf(n) {
  return data.connections[data.projects.connection[n]];
}

function statusOf(n) {
  return data.projects.gone[n] ? "Removed" : word(data.projects.status[n]);
}

function projectRow(n) {
  const { name, client, held_back, gone } = data.projects;
  const isOpen = keyOf(n) === choice.project;
  const button = make("button", visible(name[n] ?? keyOf(n)), {
    type: "button", class: "name", "aria-expanded": String(isOpen), "data-project": n,
  });
  const summary = [client[n], labelOf(n)].filter(Boolean).join(" · ");
  const state = make("td", make("span", statusOf(n), { class: gone[n] ? "gone" : data.projects.open[n] ? "on" : "off" }), { class: "state" });
  if (held_back[n]) state.append(make("small", "removal held back"));
  const line = make("tr", [
    make("th", [button, make("small", visible(summary), { class: "summary" })], { scope: "row" }),
    make("td", visible(client[n] ?? ""), { class: "client" }),
    make("td", visible(labelOf(n)), { class: "connection" }),
    state,
    make("td", time(data.projects.first[n], dayOf), { class: "first" }),
    make("td", time(latest[n], dayOf), { class: "latest" }),
  ]);
  return isOpen ? [line, openedRow(n)] : [line];
}

function openedRow(n) {
  const key = keyOf(n);
  const command = make("p", ["Every value in full: ", make("code", `rollcall history ${quoted(key)}`)], { class: "note" });
  const cell = make("td", make("div", [
    make("div", [make("h3", "Fields"), fieldList(n)]),
    make("div", [make("h3", "History"), timeline(n), command]),
  ], { class: "opened" }), { colspan: columns.length });
  return make("tr", cell, { class: "history" });
}

function fieldList(n) {
  const entries = [["Key", make("code", visible(keyOf(n)))], ["Provider", data.providers[data.projects.connection[n]]]];
  for (const [field, values] of Object.entries(data.fields)) {
    if (values[n] !== null && values[n] !== "") entries.push([data.fieldTitles[field], fieldValue(field, values[n])]);
  }
  return make("dl", entries.map(([term, shown]) => make("div", [make("dt", term), make("dd", shown)])));
}

function fieldValue(field, value) {
  if (TIME_FIELDS.test(field)) return time(value, value % 86400000 ? minuteOf : dayOf);
  if (field === "domain" && /^[a-z0-9.-]+$/i.test(value)) {
    return make("a", value, { href: `https://${value}`, rel: "noopener noreferrer", target: "_blank" });
  }
  return visible(String(value));
}

// The runs that changed a project, newest first, each with what it found.
function timeline(n) {
  const list = make("ol", null, { class: "timeline" });
  const { time: times, kind } = data.changes;
  let end = begins[n + 1];
  while (end > begins[n]) {
    let begin = end;
    while (begin > begins[n] && times[begin - 1] === times[end - 1]) begin--;
    const item = make("li", [time(times[begin]), " ", make("strong", TITLES[kind[begin]])], { class: kind[begin] });
    if (kind[begin] === "changed") {
      item.append(make("ul", [...Array(end - begin).keys()].map((c) => changeLine(begin + c))));
    }
    list.append(item);
    end = begin;
  }
  const first = data.projects.first_listing[n] ? "Came with the first listing" : "New";
  list.append(make("li", [time(data.projects.first[n]), " ", make("strong", first)], { class: "created" }));
  return list;
}

function changeLine(c) {
  const { column, old, new: current } = data.changes;
  return make("li", [
    make("span", title(column[c]), { class: "field" }),
    " ",
    changedValue(column[c], old[c]),
    make("span", " → ", { class: "arrow", role: "img", "aria-label": "became" }),
    changedValue(column[c], current[c]),
  ]);
}

function changedValue(column, value) {
  if (value === null) return make("i", "none");
  if (value === "") return make("i", "empty");
  if (column === "status") return visible(word(value));
  if (column.endsWith("_at") && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)) return fieldValue(column, Date.parse(value));
  if (column.startsWith("is_")) return visible({ true: "yes", false: "no" }[value] ?? value);
  return visible(value);
}

function showProjects() {
  const sort = choice.sort.replace("-", "");
  const found = chosenProjects(choice);
  const first = choice.project ? found.find((n) => keyOf(n) === choice.project) : undefined;
  projectTable.show(found, {
    column: sort ? columns.findIndex(({ name }) => name === sort) : choice.q ? -1 : 0,
    down: choice.sort.startsWith("-"),
    first,
  });
  for (const [name, input] of Object.entries(inputs)) input.value = choice[name];
  if (byId("query").value !== choice.q) byId("query").value = choice.q;
  byId("when").hidden = !KINDS.includes(choice.show);
  byId("client").hidden = !choice.client;
  byId("client").replaceChildren("Client: ", visible(choice.client), " ×");
  byId("clear").hidden = described(choice) === described(DEFAULTS);
  byId("save").hidden = !found.length;
  byId("found").replaceChildren(
    found.length ? counted(found.length, "project") : size ? "No project matches. Remove a word or a filter." : "No project has been listed yet.",
    make("span", [" ", visible(described(choice))], { class: "described" }),
  );
}

function choose(changes) {
  choice = { ...choice, project: "", ...changes };
  writeAddress(choice);
  showProjects();
}

function toggleProject(n) {
  const key = keyOf(n);
  choice.project = choice.project === key ? "" : key;
  writeAddress(choice);
  projectTable.draw();
  byId("table").querySelector(`[data-project="${n}"]`).focus();
}

function sortProjects(n) {
  const { column, down } = projectTable.state;
  const falls = column === n ? !down : n > 3;
  choose({ sort: `${falls ? "-" : ""}${columns[n].name}` });
}

function csvCell(value) {
  const text = String(value ?? "");
  const safe = typeof value === "string" && SPREADSHEET_FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function csvTime(at) {
  return at ? new Date(at).toISOString() : null;
}

function projectsCsv(found) {
  const fields = Object.entries(data.fields);
  const heading = ["key", "name", "client", "connection", "status", "first_listed", "last_change", "removed"];
  const lines = [[...heading, ...fields.map(([field]) => field)]];
  for (const n of found) {
    const { name, client, connection, status, first, gone } = data.projects;
    lines.push([
      keyOf(n), name[n], client[n], connection[n], status[n], csvTime(first[n]), csvTime(latest[n]), csvTime(gone[n]),
      ...fields.map(([field, values]) => (TIME_FIELDS.test(field) ? csvTime(values[n]) : values[n])),
    ]);
  }
  return lines.map((line) => `${line.map(csvCell).join(",")}\r\n`).join("");
}

function saveProjects() {
  // With a byte-order mark, so that Excel reads it as UTF-8.
  const file = new Blob(["\ufeff", projectsCsv(projectTable.state.entries)], { type: "text/csv" });
  const link = make("a", null, { href: URL.createObjectURL(file), download: `projects-${new Date(data.run).toISOString().slice(0, 10)}.csv` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

const projectTable = pagedTable({
  table: byId("table"), pages: byId("pages"), columns, row: projectRow, size: PROJECTS_PAGE, onSort: sortProjects,
});
