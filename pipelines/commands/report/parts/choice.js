// What the reader has chosen. It is in the address, so that a filter can be shared and kept.

const DEFAULTS = { q: "", show: "listed", period: "run", connection: "", status: "", client: "", sort: "", project: "" };
const KINDS = data.kinds;

function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  const choice = { ...DEFAULTS };
  for (const name of Object.keys(DEFAULTS)) choice[name] = given.get(name) ?? DEFAULTS[name];
  if (choice.project && !given.has("show")) choice.show = "all";
  return choice;
}

function writeAddress(choice) {
  const kept = Object.entries(choice).filter(([name, value]) => value !== DEFAULTS[name]);
  if (!KINDS.includes(choice.show)) kept.splice(0, kept.length, ...kept.filter(([name]) => name !== "period"));
  const address = kept.length ? new URLSearchParams(kept).toString() : "projects";
  history.replaceState(null, "", `#${address}`);
}

// Whether a project was listed just before a time.
function wasListed(n, since) {
  const { first, gone } = data.projects;
  if (first[n] >= since || (gone[n] && gone[n] < since)) return false;
  const { time, kind } = data.changes;
  for (let c = begins[n + 1] - 1; c >= begins[n]; c--) {
    if (time[c] < since && kind[c] !== "changed") return kind[c] === "returned";
  }
  return true;
}

// What happened to a project since a time: the same as sql/queries/report/report_happened.sql counts.
function happened(n, kind, since) {
  const { first, gone, first_listing } = data.projects;
  const isNew = first[n] >= since;
  if (kind === "created") return isNew && !first_listing[n];
  if (kind === "removed") return gone[n] !== 0 && (isNew || wasListed(n, since));
  if (kind === "returned") return gone[n] === 0 && !isNew && !wasListed(n, since);
  for (let c = begins[n + 1] - 1; c >= begins[n] && data.changes.time[c] >= since; c--) {
    if (data.changes.kind[c] === "changed") return true;
  }
  return false;
}

function chosenProjects(choice) {
  const { connection, status, client, gone, open } = data.projects;
  const since = data.periods.find((period) => period.name === choice.period)?.since ?? {};
  const chosen = [];
  for (let n = 0; n < size; n++) {
    if (choice.connection && connection[n] !== choice.connection) continue;
    if (choice.status && status[n] !== choice.status) continue;
    if (choice.client && client[n] !== choice.client) continue;
    if (choice.show === "listed" && gone[n]) continue;
    if (choice.show === "open" && (gone[n] || !open[n])) continue;
    if (KINDS.includes(choice.show) && !happened(n, choice.show, since[connection[n]] ?? Infinity)) continue;
    chosen.push(n);
  }
  return search(choice.q, chosen);
}

// A filter in words.
function described(choice) {
  const period = data.periods.find((each) => each.name === choice.period);
  const shown = byId("show").querySelector(`[value="${CSS.escape(choice.show)}"]`)?.textContent ?? "";
  const words = [KINDS.includes(choice.show) ? `${shown}: ${period?.title ?? ""}` : shown];
  if (choice.connection) words.push(data.connections[choice.connection] ?? choice.connection);
  if (choice.status) words.push(word(choice.status));
  if (choice.client) words.push(choice.client);
  if (choice.q) words.push(`“${choice.q}”`);
  return words.join(" · ");
}
