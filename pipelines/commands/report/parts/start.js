// The page starts: controls act, and the address chooses what is shown.

for (const period of data.periods) inputs.period.append(make("option", period.title, { value: period.name }));
for (const connection of [...new Set(data.projects.connection)].sort(compare)) {
  inputs.connection.append(make("option", data.connections[connection], { value: connection }));
}
for (const status of [...new Set(data.projects.status)].sort(compare)) {
  inputs.status.append(make("option", word(status), { value: status }));
}
byId("query").form.addEventListener("submit", (event) => event.preventDefault());
byId("query").addEventListener("input", () => choose({ q: byId("query").value, sort: "" }));
for (const [name, input] of Object.entries(inputs)) input.addEventListener("input", () => choose({ [name]: input.value }));
byId("client").addEventListener("click", () => choose({ client: "" }));
byId("clear").addEventListener("click", () => choose(DEFAULTS));
byId("save").addEventListener("click", saveProjects);
byId("table").tBodies[0].addEventListener("click", (event) => {
  const button = event.target.closest("button[data-project]");
  if (button) toggleProject(Number(button.dataset.project));
});

function followAddress() {
  choice = readAddress();
  showProjects();
  if (!location.hash.includes("=")) return;
  byId("projects").focus({ preventScroll: true });
  (document.querySelector(".history")?.previousElementSibling ?? byId("projects")).scrollIntoView();
}

const closed = [];

function unfold() {
  for (const details of document.querySelectorAll("details:not([open])")) {
    closed.push(details);
    details.open = true;
  }
  projectTable.draw(true);
  clientTable?.draw(true);
}

function fold() {
  for (const details of closed.splice(0)) details.open = false;
  projectTable.draw();
  clientTable?.draw();
}

window.addEventListener("hashchange", followAddress);
window.addEventListener("beforeprint", unfold);
window.addEventListener("afterprint", fold);
byId("scriptless").hidden = true;
byId("finder").hidden = false;
if (clientTable) {
  document.querySelector(".controls").hidden = false;
  byId("client-query").addEventListener("input", () => showClients());
  showClients();
}
followAddress();
setTimeout(indexLater, 200);
