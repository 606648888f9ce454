// The projects and their changes, as columns: gzip in base64, decompressed by the browser.

async function readData() {
  const characters = atob(document.getElementById("catalogue").textContent);
  const compressed = new Uint8Array(characters.length);
  for (let n = 0; n < characters.length; n++) compressed[n] = characters.charCodeAt(n);
  const stream = new Blob([compressed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

const data = await readData();
const size = data.projects.key.length;

// Where the changes of each project begin, and when it last changed.
const begins = new Uint32Array(size + 1);
const latest = new Float64Array(size);
for (let n = 0; n < size; n++) {
  begins[n + 1] = begins[n] + data.projects.changes[n];
  const changed = data.projects.changes[n] ? data.changes.time[begins[n + 1] - 1] : data.projects.first[n];
  latest[n] = Math.max(changed, data.projects.gone[n]);
}

function keyOf(n) {
  return `${data.projects.connection[n]}:${data.projects.key[n]}`;
}
