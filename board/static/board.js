// What a page does beyond being read: charts, sorting and searching a table, walking the goal back again, copying SQL.
"use strict";

const address = new URL(location.href);

function remember(name, value) {
  if (value) address.searchParams.set(name, value);
  else address.searchParams.delete(name);
  history.replaceState(null, "", address);
}

// A page that was written to a folder cannot know what day it is read. Data to yesterday are up to two days old, wherever
// on earth midnight is; beyond three a night is missing.
function warnWhenStale() {
  const days = (Date.now() - Date.parse(document.body.dataset.asOf)) / 864e5;
  const banner = document.querySelector(".stale");
  if (banner && days > 3) banner.hidden = false;
}

function drawCharts() {
  for (const figure of document.querySelectorAll("figure.chart")) {
    const { form, params, datasets } = JSON.parse(figure.querySelector("script").textContent);
    const spec = { ...chartForms[form], datasets };
    if (figure.clientWidth < 600) Object.assign(spec.datasets, datasets.named && { named: [], named_left: [] });
    spec.params = spec.params.map((one) => ({ ...one, value: params?.[one.name] ?? one.value }));
    // The interpreter needs no eval, which the server's policy forbids; styles come from board.css for the same reason.
    vegaEmbed(figure.querySelector(".drawing"), spec, {
      actions: false, ast: true, renderer: "svg", defaultStyle: false, tooltip: { disableDefaultStyle: true },
    }).then(() => figure.classList.add("drawn"));
  }
}

function sortable(table) {
  const body = table.tBodies[0];
  const buttons = [...table.querySelectorAll("button[data-sort]")];
  const sort = (name, isAscending) => {
    const button = buttons.find((one) => one.dataset.sort === name);
    if (!button) return;
    const place = button.closest("th").cellIndex;
    const value = (row) => {
      const cell = row.cells[place];
      if ("v" in cell.dataset) return cell.dataset.v === "" ? null : Number(cell.dataset.v);
      return cell.textContent;
    };
    const rows = [...body.rows].map((row) => [value(row), row]);
    const order = isAscending ? 1 : -1;
    rows.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      return order * (typeof a === "number" ? a - b : a.localeCompare(b, document.documentElement.lang));
    });
    body.append(...rows.map(([, row]) => row));
    for (const one of buttons) {
      const direction = one !== button ? "none" : isAscending ? "ascending" : "descending";
      one.closest("th").setAttribute("aria-sort", direction);
    }
    remember("sort", (isAscending ? "" : "-") + name);
    table.dispatchEvent(new Event("sorted"));
  };
  for (const button of buttons) {
    button.addEventListener("click", () => {
      const now = button.closest("th").getAttribute("aria-sort");
      const isText = !button.closest("th").classList.contains("num");
      sort(button.dataset.sort, now === "none" ? isText : now === "descending");
    });
  }
  const asked = address.searchParams.get("sort");
  if (asked) sort(asked.replace("-", ""), !asked.startsWith("-"));
}

// Of a long table the first rows are enough until somebody asks for the others.
const FIRST = 50;

function searchable(input) {
  const table = document.getElementById(input.dataset.filters);
  const count = document.getElementById(`${table.id}-count`);
  const more = document.getElementById(`${table.id}-more`);
  const choices = [...document.querySelectorAll(`[data-chooses="${table.id}"] button`)];
  const filter = () => {
    const words = input.value.normalize("NFKC").toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = choices.find((one) => one.getAttribute("aria-pressed") === "true");
    const isAll = more.getAttribute("aria-pressed") === "true";
    let [shown, found] = [0, 0];
    for (const row of table.tBodies[0].rows) {
      const text = row.cells[0].textContent.normalize("NFKC").toLowerCase();
      const fits = words.every((word) => text.includes(word)) && (!chosen || row.dataset.action === chosen.dataset.choice);
      found += fits;
      row.hidden = !fits || (!isAll && found > FIRST);
      shown += !row.hidden;
    }
    more.hidden = !isAll && shown === found;
    count.textContent = count.dataset.of.replace("{n}", shown).replace("{all}", found);
    remember("q", input.value);
    remember("action", chosen ? chosen.dataset.choice : "");
  };
  input.value = address.searchParams.get("q") || "";
  for (const one of choices) {
    one.setAttribute("aria-pressed", String(one.dataset.choice === address.searchParams.get("action")));
    one.addEventListener("click", () => {
      const isOn = one.getAttribute("aria-pressed") === "true";
      for (const other of choices) other.setAttribute("aria-pressed", String(other === one && !isOn));
      filter();
    });
  }
  more.addEventListener("click", () => {
    more.setAttribute("aria-pressed", String(more.getAttribute("aria-pressed") !== "true"));
    filter();
  });
  table.addEventListener("sorted", filter);
  input.addEventListener("input", filter);
  filter();
}

// required = required of the KPI above / rate, from the goal down.
function walkBack(nodes, goal, factors) {
  const required = new Map();
  for (const node of nodes) {
    if (node.leads_to === null) required.set(node.kpi, goal);
    else if (required.has(node.leads_to) && node.rate) {
      required.set(node.kpi, required.get(node.leads_to) / (node.rate * (factors.get(node.kpi) ?? 1)));
    }
  }
  return required;
}

function sliders(form) {
  const nodes = JSON.parse(document.getElementById("tree-data").textContent);
  const number = new Intl.NumberFormat(form.dataset.locale, { notation: "compact", maximumSignificantDigits: 3 });
  const whole = new Intl.NumberFormat(form.dataset.locale, { maximumFractionDigits: 1 });
  const write = (value) => (Math.abs(value) < 10000 ? whole.format(value >= 100 ? Math.round(value) : value) : number.format(value));
  const cells = new Map([...form.querySelectorAll("tr[data-kpi]")].map((row) => [row.dataset.kpi, row.querySelector(".required")]));
  const before = new Map([...cells].map(([kpi, cell]) => [kpi, cell.innerHTML]));
  const compute = () => {
    const factors = new Map([...form.querySelectorAll("input[type=range]")].map((one) => [one.name, one.valueAsNumber / 100]));
    for (const output of form.querySelectorAll("output")) output.value = `${Math.round(factors.get(output.htmlFor.value) * 100)}%`;
    const goal = form.elements.goal.valueAsNumber;
    const isChanged = goal !== Number(form.elements.goal.defaultValue) || [...factors.values()].some((one) => one !== 1);
    const required = walkBack(nodes, goal, factors);
    for (const [kpi, cell] of cells) {
      if (!isChanged) cell.innerHTML = before.get(kpi);
      else if (required.has(kpi)) {
        cell.replaceChildren(Object.assign(document.createElement("b"), { textContent: write(required.get(kpi)) }));
      }
      cell.classList.toggle("changed", isChanged && kpi !== nodes[0].kpi);
      const input = form.elements[kpi];
      if (input) remember(kpi, input.value === "100" ? "" : input.value);
    }
    remember("goal", goal === Number(form.elements.goal.defaultValue) ? "" : String(goal));
  };
  for (const input of form.querySelectorAll("input")) {
    const asked = address.searchParams.get(input.name);
    if (asked !== null && Number.isFinite(Number(asked))) input.value = asked;
    input.addEventListener("input", compute);
  }
  form.addEventListener("reset", () => setTimeout(compute));
  form.addEventListener("submit", (event) => event.preventDefault());
  compute();
}

function copies(button) {
  button.addEventListener("click", async () => {
    const code = button.parentElement.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = button.dataset.copied;
    } catch {
      getSelection().selectAllChildren(code);
    }
  });
}

document.documentElement.classList.add("scripted");
warnWhenStale();
for (const table of document.querySelectorAll("table.sortable")) sortable(table);
for (const input of document.querySelectorAll("input[data-filters]")) searchable(input);
for (const button of document.querySelectorAll("button.copy")) copies(button);
if (document.getElementById("sliders")) sliders(document.getElementById("sliders"));
if (window.vegaEmbed) drawCharts();
