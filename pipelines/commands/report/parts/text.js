// How values become text on the page.

const number = new Intl.NumberFormat("en");
const clock = new Intl.DateTimeFormat("en", {
  day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: data.zone,
});

// Characters that a browser would obey instead of showing them, as in pipelines/common/text.py.
const CONTROL = /([\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff])/u;

function byId(id) {
  return document.getElementById(id);
}

// Text of a provider enters the page through this function, and in no other way.
function visible(text) {
  const shown = document.createElement("bdi");
  for (const [n, piece] of text.split(CONTROL).entries()) {
    if (n % 2 === 0) shown.append(piece);
    else if ("\t\n\r".includes(piece)) shown.append(" ");
    else shown.append(make("span", codePoint(piece), { class: "control" }));
  }
  return shown;
}

function codePoint(character) {
  return `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
}

// An element with its content, a string or nodes, and its attributes.
function make(tag, content, attributes = {}) {
  const element = document.createElement(tag);
  if (content !== null) element.append(...[content].flat());
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

// As 1 Nov 2026 and 1 Nov 2026, 02:30, like the rest of the page.
function dayOf(at) {
  const { day, month, year } = Object.fromEntries(clock.formatToParts(at).map(({ type, value }) => [type, value]));
  return `${day} ${month} ${year}`;
}

function minuteOf(at) {
  const { hour, minute } = Object.fromEntries(clock.formatToParts(at).map(({ type, value }) => [type, value]));
  return `${dayOf(at)}, ${hour}:${minute}`;
}

function time(at, write = minuteOf) {
  return make("time", write(at), { datetime: new Date(at).toISOString() });
}

function word(name) {
  return (name[0] ?? "").toUpperCase() + name.slice(1).replaceAll("_", " ");
}

function title(column) {
  return data.columnTitles[column] ?? word(column.replace(/_at$/, ""));
}

function counted(count, one, many = `${one}s`) {
  return `${number.format(count)} ${count === 1 ? one : many}`;
}

// An argument of a command, to be pasted into a shell.
function quoted(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`;
}
