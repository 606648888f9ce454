"use strict";
(() => {
  const PAGE = 50;
  const { periods, providers, catalogue } = JSON.parse(document.getElementById("catalogue").textContent);
  const { projects, changes, runs, connections, statuses, kinds, columns, texts } = catalogue;
  const size = projects.key.length;
  const byId = (id) => document.getElementById(id);
  const number = new Intl.NumberFormat("en");
  const date = { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" };
  const days = new Intl.DateTimeFormat("en-GB", date);
  const minutes = new Intl.DateTimeFormat("en-GB", { ...date, hour: "2-digit", minute: "2-digit" });

  // Whatever a provider named comes into the page as text, by this function, and in no other way.
  function make(tag, text, attributes = {}) {
    const element = document.createElement(tag);
    if (text !== undefined && text !== null) element.textContent = text;
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  }

  function time(run, format = minutes) {
    return make("time", format.format(runs[run]), { datetime: new Date(runs[run]).toISOString() });
  }

  const word = (name) => (name[0] ?? "").toUpperCase() + name.slice(1).replaceAll("_", " ");
  const plain = (text) => text.normalize("NFD").replace(/\p{Mark}/gu, "").toLowerCase();
  const key = (n) => `${connections[projects.connection[n]][0]}:${projects.key[n]}`;
  const name = (n) => projects.name[n] ?? key(n);

  // A word of a command, for it may be pasted into a shell.
  const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`);

  // Where the changes of each project begin, and the last run that changed it.
  const begins = new Uint32Array(size + 1);
  const latest = new Int32Array(size);
  for (let n = 0; n < size; n++) {
    begins[n + 1] = begins[n] + projects.changes[n];
    latest[n] = projects.changes[n] ? changes.run[begins[n + 1] - 1] : projects.first[n];
  }

  let sought;
  function searchable() {
    sought ??= projects.key.map((_, n) => plain(`${name(n)} ${key(n)} ${projects.client[n] ?? ""}`));
    return sought;
  }

  function happened(n, kind, since) {
    if (kind === "created") return runs[projects.first[n]] >= since;
    for (let c = begins[n + 1] - 1; c >= begins[n]; c--) {
      if (runs[changes.run[c]] < since) return false;
      if (kinds[changes.kind[c]] === kind) return true;
    }
    return false;
  }

  const fields = {
    query: byId("query"), kind: byId("kind"), period: byId("period"),
    connection: byId("connection"), status: byId("status"),
  };
  const HEADINGS = [
    ["Project", (n) => n],
    ["For", (n) => projects.client[n] ?? "\uffff", "client"],
    ["Connection", (n) => connections[projects.connection[n]][0], "connection"],
    ["Status", (n) => statuses[projects.status[n]], "state"],
    ["First listed", (n) => projects.first[n], "first"],
    ["Last change", (n) => latest[n], "latest"],
  ];
  const collator = new Intl.Collator("en", { numeric: true });
  let sorted = { by: 0, down: false };
  let found = [];
  let from = 0;
  let shown = -1;

  function matches() {
    const words = plain(fields.query.value).split(/\s+/).filter(Boolean);
    const text = words.length ? searchable() : [];
    const kind = fields.kind.value;
    const since = periods[fields.period.value][1];  // by connection
    const connection = fields.connection.value;
    const status = fields.status.value;
    const chosen = [];
    for (let n = 0; n < size; n++) {
      if (connection !== "" && projects.connection[n] !== Number(connection)) continue;
      if (status !== "" && projects.status[n] !== Number(status)) continue;
      if (kind === "listed" ? projects.gone[n] !== -1 : kind !== "all" && !happened(n, kind, since[projects.connection[n]])) continue;
      if (!words.every((word) => text[n].includes(word))) continue;
      chosen.push(n);
    }
    return chosen;
  }

  function inOrder(chosen) {
    const value = HEADINGS[sorted.by][1];
    const way = sorted.down ? -1 : 1;
    const values = new Map(chosen.map((n) => [n, value(n)]));
    const compare = (a, b) => (typeof a === "number" ? a - b : collator.compare(a, b));
    return chosen.sort((a, b) => way * compare(values.get(a), values.get(b)) || a - b);
  }

  function find() {
    byId("when").hidden = ["listed", "all"].includes(fields.kind.value);
    found = inOrder(matches());
    from = 0;
    shown = -1;
    draw();
  }

  function draw() {
    const until = Math.min(from + PAGE, found.length);
    byId("found").textContent = found.length
      ? `${number.format(found.length)} ${found.length === 1 ? "project" : "projects"}`
      : size ? "No project matches. Take away a word or a choice." : "No project has been listed yet.";
    byId("table").hidden = !found.length;
    byId("place").textContent = found.length
      ? `${number.format(from + 1)} to ${number.format(until)} of ${number.format(found.length)}` : "";
    byId("previous").disabled = from === 0;
    byId("next").disabled = until >= found.length;
    byId("previous").parentElement.hidden = found.length <= PAGE;
    byId("table").tBodies[0].replaceChildren(...found.slice(from, until).flatMap(row));
    for (const [n, heading] of [...byId("table").tHead.rows[0].cells].entries()) {
      heading.setAttribute("aria-sort", n !== sorted.by ? "none" : sorted.down ? "descending" : "ascending");
    }
  }

  function row(n) {
    const open = n === shown;
    const line = make("tr");
    const heading = make("th", null, { scope: "row" });
    const button = make("button", null, {
      type: "button", class: "name", "aria-expanded": String(open), "data-project": n,
    });
    button.append(make("bdi", name(n)));
    heading.append(button, make("small", key(n)));
    const state = make("td", null, { class: "state" });
    const gone = projects.gone[n] !== -1;
    state.append(make("span", gone ? "Gone" : word(statuses[projects.status[n]]), { class: gone ? "gone" : "" }));
    const client = make("td", null, { class: "client" });
    client.append(make("bdi", projects.client[n] ?? ""));
    const connection = make("td", null, { class: "connection" });
    connection.append(make("bdi", connections[projects.connection[n]][0]));
    const first = make("td", null, { class: "first" });
    first.append(time(projects.first[n], days));
    const last = make("td", null, { class: "latest" });
    last.append(time(latest[n], days));
    line.append(heading, client, connection, state, first, last);
    return open ? [line, history(n)] : [line];
  }

  // The runs that changed a project, newest first, each with what it found.
  function history(n) {
    const list = make("ol", null, { class: "timeline" });
    let end = begins[n + 1];
    while (end > begins[n]) {
      let begin = end;
      while (begin > begins[n] && changes.run[begin - 1] === changes.run[end - 1]) begin--;
      list.append(moment(changes.run[begin], begin, end));
      end = begin;
    }
    const created = make("li", null, { class: "created" });
    created.append(time(projects.first[n]), " ", make("strong", "Listed for the first time"));
    list.append(created);
    const cell = make("td", null, { colspan: HEADINGS.length });
    const [, provider] = connections[projects.connection[n]];
    cell.append(
      make("h3", `History at ${providers[provider] ?? provider}`),
      list,
      make("p", "In full, with the whole of every value: ", { class: "note" }),
    );
    cell.lastChild.append(make("code", `rollcall history ${quoted(key(n))}`));
    const line = make("tr", null, { class: "history" });
    line.append(cell);
    return line;
  }

  const TITLES = { removed: "No longer listed", returned: "Listed again", changed: "Changed" };

  function moment(run, begin, end) {
    const item = make("li", null, { class: kinds[changes.kind[begin]] });
    item.append(time(run), " ", make("strong", TITLES[kinds[changes.kind[begin]]]));
    const lines = make("ul");
    for (let c = begin; c < end; c++) {
      if (changes.column[c] === -1) continue;
      const line = make("li");
      line.append(
        make("span", word(columns[changes.column[c]]), { class: "field" }), " ", value(c, changes.old), " ",
        make("span", "→", { class: "arrow", "aria-label": "became" }), " ", value(c, changes.new),
      );
      lines.append(line);
    }
    if (lines.childElementCount) item.append(lines);
    return item;
  }

  function value(c, side) {
    if (side[c] === -1) return make("i", "nothing");
    const text = texts[side[c]];
    const column = columns[changes.column[c]];
    if (column === "status") return make("bdi", word(text));
    const isTime = column.endsWith("_at") && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text);
    return make("bdi", isTime ? minutes.format(new Date(text)) : text);
  }

  function toggle(n) {
    shown = shown === n ? -1 : n;
    draw();
    byId("table").querySelector(`[data-project="${n}"]`).focus();
  }

  function show(choice) {
    fields.query.value = choice.query ?? "";
    fields.kind.value = choice.kind;
    fields.period.value = choice.period ?? "0";
    fields.connection.value = fields.status.value = "";
    find();
  }

  function showProject(wanted) {
    show({ kind: "all", query: wanted });
    const n = found.find((n) => key(n) === wanted);
    if (n === undefined) return;
    found = [n];
    shown = n;
    draw();
  }

  for (const [n, [label, , kind]] of HEADINGS.entries()) {
    const heading = make("th", null, { scope: "col", ...(kind && { class: kind }) });
    const button = make("button", label, { type: "button" });
    button.addEventListener("click", () => {
      sorted = { by: n, down: sorted.by === n ? !sorted.down : n > 3 };
      found = inOrder(found);
      from = 0;
      draw();
    });
    heading.append(button);
    byId("table").tHead.rows[0].append(heading);
  }
  for (const [n, [title]] of periods.entries()) fields.period.append(make("option", title, { value: n }));
  const alphabetical = (names) =>
    [...names.entries()].sort(([, a], [, b]) => collator.compare(a, b));
  for (const [n, label] of alphabetical(connections.map(([connection]) => connection))) {
    fields.connection.append(make("option", label, { value: n }));
  }
  for (const [n, label] of alphabetical(statuses.map(word))) {
    fields.status.append(make("option", label, { value: n }));
  }
  fields.query.form.addEventListener("submit", (event) => event.preventDefault());
  for (const field of Object.values(fields)) field.addEventListener("input", find);
  byId("table").tBodies[0].addEventListener("click", (event) => {
    const button = event.target.closest("button[data-project]");
    if (button) toggle(Number(button.dataset.project));
  });
  byId("previous").addEventListener("click", () => { from -= PAGE; shown = -1; draw(); });
  byId("next").addEventListener("click", () => { from += PAGE; shown = -1; draw(); });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-key], a[data-kind]");
    if (!link) return;
    if (link.dataset.key) showProject(link.dataset.key);
    else show(link.dataset);
  });
  byId("scriptless").hidden = true;
  byId("finder").hidden = false;
  show({ kind: "listed" });
})();
