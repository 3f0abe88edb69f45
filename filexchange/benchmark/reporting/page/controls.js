// What is shown: inputs, directories, caches, accesses and ways.

const KEYS = ["input", "directory", "cache"];

// Another value of one key; the others stay as they are, where there is such a group.
function choose(key, value) {
  const alike = (group) => KEYS.filter((each) => group[each] === state.group[each]).length;
  const fitting = data.groups.filter((group) => group[key] === value);
  state.group = fitting.reduce((best, group) => (alike(group) > alike(best) ? group : best));
  render();
}

// `choices` are pairs of a value and what it is called.
function select(title, choices, now, act) {
  if (choices.length < 2) return [];
  const options = choices.map(([value, name]) =>
    html("option", { value, selected: value === now }, name));
  const onchange = (event) => act(event.target.value);
  const made = html("select", { name: title, onchange }, ...options);
  return [html("label", {}, html("span", {}, title), made)];
}

function controls() {
  const facts = Object.fromEntries(data.inputs.map((each) => [each.name, each.words]));
  const named = (value) => [value, facts[value] || value || "memory"];
  const choices = (key) => [...new Set(data.groups.map((group) => group[key]))].map(named);
  const accesses = data.accesses.map((each) => [each.name, each.title]);
  const time = (value) => {
    state.access = value;
    render();
  };
  byId("controls").replaceChildren(
    ...KEYS.flatMap((key) =>
      select(key, choices(key), state.group[key], (value) => choose(key, value))),
    ...select("time of", accesses, state.access, time),
  );
}

function legend() {
  const present = [...new Set(data.cases.filter((found) => !found.error).map((found) => found.way))];
  const { hidden } = state;
  const button = (attributes, act, ...content) => {
    const onclick = () => {
      act();
      render();
    };
    return html("button", { type: "button", onclick, ...attributes }, ...content);
  };
  const toggle = (way) => (hidden.has(way) ? hidden.delete(way) : hidden.add(way));
  const all = () => (hidden.size ? hidden.clear() : present.forEach((way) => hidden.add(way)));
  const focused = [...byId("legend").children].indexOf(document.activeElement);
  byId("legend").replaceChildren(
    button({}, all, hidden.size ? "show all" : "hide all"),
    ...present.map((way) => {
      const pressed = { "aria-pressed": String(!hidden.has(way)) };
      return button(pressed, () => toggle(way), icon(data.ways[way]), data.ways[way].name);
    }),
  );
  if (focused >= 0) byId("legend").children[focused].focus();
}

function render() {
  controls();
  legend();
  drawPlots();
  winnersTable();
  sizesTable();
  casesTable();
}

function start() {
  let width = 0;
  const redraw = () => {
    if (byId("plots").clientWidth === width) return;
    width = byId("plots").clientWidth;
    drawPlots();
  };
  new ResizeObserver(redraw).observe(byId("plots"));
  render();
}

if (data.groups.length && data.accesses.length) start();
