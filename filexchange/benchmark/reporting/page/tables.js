// The tables.

const icon = (way) =>
  svg("svg", { class: "icon", viewBox: "-7 -7 14 14", "aria-hidden": "true" }, markOf(way, 0, 0));
const nameOf = (way) => html("span", { class: "name" }, icon(way), way.name);
const describe = (group) => [group.input, group.directory, group.cache].filter(Boolean).join(", ");
const cell = (...content) => html("td", {}, ...content);
const words = (...content) => html("td", { class: "words" }, ...content);

function namesOf(winners, most = winners.length) {
  const names = winners.slice(0, most).map((index) => nameOf(wayOf(data.cases[index])));
  const more = winners.length > most ? [`${winners.length - most} more`] : [];
  return [...names, ...more].flatMap((name, number) => (number ? [" = ", name] : [name]));
}

function showTable(id, title, caption, head, rows) {
  const table = html(
    "table", {}, html("caption", {}, caption), html("thead", {}, html("tr", {}, ...head)),
    html("tbody", {}, ...rows.map((cells) => html("tr", {}, ...cells))),
  );
  byId(id).replaceChildren(html("h2", {}, title), html("div", { class: "scroll" }, table));
}

function winnersTable() {
  const head = ["question", "winner", "median", "ahead by"].map((title) =>
    html("th", { class: title === "winner" ? "words" : null }, title));
  const rows = state.group.winners.map(({ question, winners, value, margin }) =>
    [cell(question), words(html("b", {}, ...namesOf(winners))), cell(value), cell(margin)]);
  showTable("winners", "Who wins", describe(state.group), head, rows);
}

function sizesTable() {
  const inputs = data.inputs.map((each) => each.name);
  const groups = data.groups.filter(isBeside);
  groups.sort((one, other) => inputs.indexOf(one.input) - inputs.indexOf(other.input));
  byId("sizes").replaceChildren();
  if (groups.length < 2) return;
  const questions = [...new Set(groups.flatMap((group) => group.winners.map((each) => each.question)))];
  const head = questions.map((each) => html("th", { class: "words" }, each.replace("fastest ", "")));
  const rows = groups.map(({ input, winners }) => [cell(input), ...questions.map((question) => {
    const found = winners.find((each) => each.question === question);
    return words(...(found ? namesOf(found.winners, 3) : ["–"]));
  })]);
  const caption = describe({ ...state.group, input: "" });
  showTable("sizes", "Best for each size", caption, [html("th", {}, "array"), ...head], rows);
}

// Columns have a value to sort by, which may be null, and say how to write it.
function columns(cases) {
  const total = nbytes[state.group.input];
  const timed = data.accesses.map(({ name, title }) => (
    { name, title, value: (found) => median(found, name), write: (value) => seconds(value) }));
  const size = (value) => bytes(value);
  const all = [
    { name: "way", title: "way", value: (found) => wayOf(found).name },
    ...timed,
    { name: "spread", title: "spread", value: spread, write: (value) => `±${Math.round(value * 100)}%` },
    { name: "speed", title: `speed of ${accessNow().title}`, value: speedAmong(cases), write: bar },
    { name: "smallest", title: "on disk", value: (found) => found.nbytes, write: size },
    { name: "share", title: "share", value: (found) => shareOf(found, total), write: three },
    { name: "memory", title: "memory", value: (found) => found.memory, write: size },
  ];
  return all.filter((column) => cases.some((found) => column.value(found) !== null));
}

// Half the range in parts of the median.
function spread(found) {
  const samples = found.seconds[state.access];
  return samples ? (samples[2] - samples[1]) / samples[0] / 2 : null;
}

// In parts of the fastest format's.
function speedAmong(cases) {
  const times = cases.filter((found) => wayOf(found).role === "format" && found.seconds[state.access]);
  const fastest = Math.min(...times.map((found) => median(found, state.access)));
  return (found) => (found.seconds[state.access] ? fastest / median(found, state.access) : null);
}

const shareOf = (found, total) => (found.nbytes === null || !total ? null : found.nbytes / total);

function bar(share) {
  const width = `width:${(Math.min(1, share) * 100).toFixed(1)}%`;
  return html("span", { class: "bar" }, html("i", { style: width }));
}

function casesTable() {
  const cases = state.group.cases.map((index) => data.cases[index]);
  const all = columns(cases);
  const sort = state.sort.column ? state.sort : { column: state.access, down: false };
  const by = all.find((column) => column.name === sort.column) || all[0];
  cases.sort((one, other) => compare(by.value(one), by.value(other), sort.down));
  const head = all.map((column) => heading(column, by === column, sort.down));
  const caption = `${describe(state.group)}; medians, the winners among formats in bold`;
  showTable("cases", "All cases", caption, head, cases.map((found) => row(found, all)));
}

// What was not measured is last, either way.
function compare(one, other, down) {
  if (one === null || other === null) return (one === null) - (other === null);
  return (one < other ? -1 : one > other ? 1 : 0) * (down ? -1 : 1);
}

function heading({ name, title }, isSorted, down) {
  const turn = () => {
    state.sort = { column: name, down: isSorted && !down };
    casesTable();
    byId("cases").querySelector(`[data-column="${name}"]`).focus();
  };
  const arrow = isSorted ? (down ? " ▼" : " ▲") : "";
  const order = isSorted ? (down ? "descending" : "ascending") : "none";
  const button = html("button", { type: "button", "data-column": name, onclick: turn }, title + arrow);
  return html("th", { "aria-sort": order }, button);
}

function row(found, [, ...all]) {
  const way = wayOf(found), isFloor = way.role === "floor";
  const first = html("td", { class: isFloor ? "is-floor" : null }, nameOf(way));
  if (found.error) return [first, html("td", { class: "failed", colspan: all.length }, found.error)];
  return [first, ...all.map((column) => {
    const value = column.value(found);
    const kind = isBest(column.name, found) ? "is-best" : isFloor ? "is-floor" : null;
    return html("td", { class: kind }, value === null ? "–" : column.write(value));
  })];
}

function isBest(name, found) {
  const best = state.group.winners.find((each) => each.name === name && each.role === "format");
  return Boolean(best) && best.winners.includes(data.cases.indexOf(found));
}
