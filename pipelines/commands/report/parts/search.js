// Search: every word of the query must begin a word of the project; a phrase in quotes must be found as it is.
// A key is found only as a whole, so that no query matches inside an id.

const HEX_ID = /^(?=.*\d)[0-9a-f-]{8,}$/;
const CHUNK = 4000;
let indexed = 0;
const ids = [];
const names = [];
const others = [];

// Most texts are ASCII, for which normalising and classes of Unicode would be slow.
const ASCII = /^[\x00-\x7f]*$/;

function plain(text) {
  const letters = ASCII.test(text) ? text : text.normalize("NFKD").replace(/\p{Mark}/gu, "");
  return letters.toLowerCase();
}

// The words of a text, with a space before and after each.
function wordsOf(text) {
  const letters = plain(text);
  const between = ASCII.test(letters) ? /[^a-z0-9]+/g : /[^\p{Letter}\p{Number}]+/gu;
  return ` ${letters.replace(between, " ").trim()} `;
}

function indexUntil(end) {
  const { projects, fields } = data;
  for (; indexed < Math.min(end, size); indexed++) {
    const n = indexed;
    ids.push(plain(projects.key[n]));
    names.push(wordsOf(projects.name[n] ?? projects.key[n]));
    const more = ["code", "city", "owner", "domain", "description"].map((field) => fields[field]?.[n] ?? "");
    others.push(wordsOf(`${projects.client[n] ?? ""} ${more.join(" ")}`));
  }
}

// While nobody searches yet, a part at a time.
function indexLater() {
  indexUntil(indexed + CHUNK);
  if (indexed < size) setTimeout(indexLater);
}

function parseQuery(query) {
  const phrases = query.match(/"[^"]*"?|[^\s"]+/g) ?? [];
  return phrases.map((phrase) => wordsOf(phrase).trim()).filter(Boolean);
}

// Whether a term is inside a word that is not an id, as in compound words.
function isInside(name, term) {
  return term.length > 2 && name.includes(term) && name.split(" ").some((word) => word.includes(term) && !HEX_ID.test(word));
}

// How well a project matches: a smaller number is better, -1 is no match. `word` is the query as words, with a
// space before and after.
function rank(n, terms, word, key) {
  const name = names[n];
  if (name === word || key === ids[n] || (key.endsWith(ids[n]) && key === plain(keyOf(n)))) return 0;
  let worst = 4;
  for (const term of terms) {
    if (name.includes(term)) continue;
    if (others[n].includes(term)) worst = Math.max(worst, 5);
    else if (isInside(name, term.slice(1))) worst = 6;
    else return -1;
  }
  if (worst > 4) return worst;
  if (name.startsWith(word)) return 1;
  if (name.includes(word)) return 2;
  return name.startsWith(word.trimEnd()) ? 3 : 4;
}

// The projects of `among` that match, the best first, else in their order.
function search(query, among) {
  const terms = parseQuery(query).map((term) => ` ${term}`);
  if (!terms.length) return query.trim() ? [] : among;
  indexUntil(size);
  const word = `${terms.join("")} `;
  const key = plain(query.trim());
  const ranked = [[], [], [], [], [], [], []];
  for (const n of among) {
    const place = rank(n, terms, word, key);
    if (place >= 0) ranked[place].push(n);
  }
  return ranked.flat();
}
