// The table of clients, over all providers.

const CLIENTS_PAGE = 10;
const clientColumns = [
  { title: "Client", value: (n) => data.clients.name[n] },
  { title: "Providers", value: (n) => data.clients.providers[n].join(), className: "less" },
  ...[["Open", "open"], ["Listed", "listed"], ["New", "created"], ["Removed", "removed"], ["Returned", "returned"], ["Changed", "changed"]].map(
    ([label, name]) => ({
      title: label,
      name,
      value: (n) => data.clients[name][n],
      className: ["listed", "returned"].includes(name) ? "num less" : "num",
    }),
  ),
];

// Where a number leads to.
function clientFilter(name, client) {
  const wanted = { client };
  if (name === "open") wanted.show = "open";
  if (KINDS.includes(name)) Object.assign(wanted, { show: name, period: data.periods[2].name });
  return `#${new URLSearchParams(wanted)}`;
}

function clientRow(n) {
  const client = data.clients.name[n];
  const link = (content, name) => make("a", content, { href: clientFilter(name, client) });
  const cells = clientColumns.slice(2).map(({ name, className }) => {
    const count = data.clients[name][n];
    return make("td", count ? link(number.format(count), name) : make("span", "0", { class: "nil" }), { class: className });
  });
  const providers = data.clients.providers[n].map((provider) => data.providerNames[provider] ?? provider).join(", ");
  return [make("tr", [make("th", link(visible(client), "listed"), { scope: "row" }), make("td", providers, { class: "less" }), ...cells])];
}

function showClients(column = -1, down = false) {
  const terms = parseQuery(byId("client-query").value);
  const found = [...data.clients.name.keys()].filter((n) => {
    const words = terms.length ? wordsOf(data.clients.name[n]) : "";
    return terms.every((term) => words.includes(` ${term}`));
  });
  clientTable.show(found, { column, down });
  byId("clients-found").textContent = counted(found.length, "client");
}

function sortClients(n) {
  const { column, down } = clientTable.state;
  showClients(n, column === n ? !down : n > 1);
}

const clientTable = byId("client-table") && pagedTable({
  table: byId("client-table"), pages: byId("client-pages"), columns: clientColumns, row: clientRow, size: CLIENTS_PAGE, onSort: sortClients,
});
