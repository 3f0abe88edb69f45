"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  if (!data.groups.length || !data.accesses.length) return;

  const nbytes = Object.fromEntries(data.inputs.map((each) => [each.name, each.nbytes]));
  const kinds = Object.fromEntries(data.inputs.map((each) => [each.name, each.kind]));

  // What is shown now.
  const state = {
    group: data.groups.reduce((best, group) => (nbytes[group.input] > nbytes[best.input] ? group : best)),
    access: (data.accesses.find((each) => each.name === "round_trip") || data.accesses[0]).name,
    hidden: new Set(),
    sort: { column: null, down: false },
  };
  const wayOf = (found) => data.ways[found.way];
  const median = (found, access) => (found.seconds[access] ? found.seconds[access][0] : null);
  const accessNow = () => data.accesses.find((each) => each.name === state.access);
  const byId = (id) => document.getElementById(id);

  // ---- Numbers as people read them

  const three = (value) => value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
  const short = (value) => String(Number(value.toPrecision(3)));
  const scaled = (value, units, base, digits) => {
    let [name, scale] = units[0];
    for (const unit of units) if (value >= unit[1] * base) [name, scale] = unit;
    return `${digits(value / scale)} ${name}`;
  };
  const SECONDS = [["µs", 1e-6], ["ms", 1e-3], ["s", 1]];
  const BYTES = [["B", 1], ["kB", 1e3], ["MB", 1e6], ["GB", 1e9], ["TB", 1e12]];
  const seconds = (value, digits = three) => scaled(value, SECONDS, 0.9995, digits);
  const bytes = (value, digits = three) => scaled(value, BYTES, 0.9995, digits);
  const rate = (value, digits = three) => `${bytes(value, digits)}/s`;

  // ---- Elements; text never becomes markup

  function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.filter((child) => child !== null));
    return element;
  }
  const html = (tag, attributes = {}, ...children) =>
    fill(document.createElement(tag), attributes, children);
  const svg = (tag, attributes = {}, ...children) =>
    fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

  const MARKS = {
    circle: "M5 0A5 5 0 1 1 -5 0A5 5 0 1 1 5 0Z",
    square: "M-4.5-4.5H4.5V4.5H-4.5Z",
    triangle: "M0-5.5L5.5 4.5H-5.5Z",
    diamond: "M0-6L6 0L0 6L-6 0Z",
    down: "M0 5.5L5.5-4.5H-5.5Z",
    cross: "M-5-3L-3-5L0-2L3-5L5-3L2 0L5 3L3 5L0 2L-3 5L-5 3L-2 0Z",
    plus: "M-2-5H2V-2H5V2H2V5H-2V2H-5V-2H-2Z",
    star: "M0-6L1.8-2L6-1.6L2.8 1.2L3.8 5.4L0 3.2L-3.8 5.4L-2.8 1.2L-6-1.6L-1.8-2Z",
  };
  const markOf = (way, x, y) =>
    svg("path", { class: "mark", d: MARKS[way.mark], fill: way.color, transform: `translate(${x} ${y})` });

  // ---- Axes

  function ticks(axis, pixels) {
    const most = Math.max(2, Math.floor(pixels / axis.spacing));
    if (axis.values) return axis.values.filter((_, number) => number % Math.ceil(axis.values.length / most) === 0);
    let found = [];
    if (axis.log) {
      for (const steps of [[1, 1.5, 2, 3, 4, 5, 6, 8], [1, 2, 5], [1]]) {
        found = [];
        for (let power = Math.floor(Math.log10(axis.low)); 10 ** power <= axis.high; power++) {
          for (const step of steps) found.push(step * 10 ** power);
        }
        found = found.filter((tick) => tick >= axis.low && tick <= axis.high);
        if (found.length <= most) break;
      }
      return found.filter((_, number) => number % Math.ceil(found.length / most) === 0);
    }
    const rough = (axis.high - axis.low) / most;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
    for (let number = Math.ceil(axis.low / step); number * step <= axis.high; number++) {
      found.push(number * step);
    }
    return found;
  }

  // An axis goes a little beyond its values.
  function extent(axis, values) {
    const low = Math.min(...values), high = Math.max(...values);
    if (!axis.log) return { ...axis, low: 0, high: high * 1.08 || 1 };
    const room = Math.max(1.15, (high / low) ** 0.06);
    return { ...axis, low: low / room, high: high * room };
  }

  function position(axis, from, to) {
    const scale = axis.log ? Math.log : (value) => value;
    const low = scale(axis.low), span = scale(axis.high) - low;
    return (value) => from + ((scale(value) - low) / span) * (to - from);
  }

  // ---- A plot: points with ranges, lines behind them, names beside those with room for one

  const HEIGHT = 330, LEFT = 58, TOP = 24, BOTTOM = 40;

  function plot(id, heading, note, spec) {
    const figure = byId(id);
    figure.querySelector("figcaption").replaceChildren(html("b", {}, heading), note);
    figure.querySelectorAll("svg, p").forEach((old) => old.remove());
    const points = spec.points.filter((point) => point.x > 0 && point.y > 0);
    if (!points.length) {
      figure.append(html("p", { class: "note" }, "Nothing to show."));
      return;
    }
    const width = Math.max(280, figure.clientWidth - 24), right = width - (spec.room || 12);
    const ends = (point, ax) => (point.ranges[ax] ? point.ranges[ax] : [point[ax]]);
    const x = extent({ ...spec.x, spacing: 50 }, points.flatMap((point) => [point.x, ...ends(point, "x")]));
    const y = extent({ ...spec.y, spacing: 30 }, points.flatMap((point) => [point.y, ...ends(point, "y")]));
    const atX = position(x, LEFT, right), atY = position(y, HEIGHT - BOTTOM, TOP);
    const drawing = svg("svg", {
      width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", tabindex: 0,
      "aria-label": `${heading}. ${note} Arrow keys go from point to point; the table has all figures.`,
    });
    for (const tick of ticks(x, right - LEFT)) {
      drawing.append(
        svg("line", { class: "grid", x1: atX(tick), x2: atX(tick), y1: TOP, y2: HEIGHT - BOTTOM }),
        svg("text", { class: "tick", x: atX(tick), y: HEIGHT - BOTTOM + 15, "text-anchor": "middle" }, x.format(tick)),
      );
    }
    for (const tick of ticks(y, HEIGHT - TOP - BOTTOM)) {
      drawing.append(
        svg("line", { class: "grid", x1: LEFT, x2: right, y1: atY(tick), y2: atY(tick) }),
        svg("text", { class: "tick", x: LEFT - 6, y: atY(tick) + 4, "text-anchor": "end" }, y.format(tick)),
      );
    }
    drawing.append(svg("text", { class: "axis", x: (LEFT + right) / 2, y: HEIGHT - 6, "text-anchor": "middle" }, `${x.label} →`));
    drawing.append(svg("text", { class: "axis", x: 0, y: 12 }, `↑ ${y.label}`));
    if (spec.diagonal) {
      const low = Math.max(x.low, y.low), high = Math.min(x.high, y.high);
      if (low < high) drawing.append(svg("line", { class: "guide", x1: atX(low), y1: atY(low), x2: atX(high), y2: atY(high) }));
    }
    for (const line of spec.lines || []) {
      const path = line.points.map((point, number) => `${number ? "L" : "M"}${atX(point.x)} ${atY(point.y)}`);
      drawing.append(svg("path", { class: "series", "data-way": line.way, d: path.join(""), stroke: data.ways[line.way].color }));
    }
    if (spec.front && spec.front.length) {
      const [first, ...others] = spec.front;
      const steps = others.map((point) => `H${atX(point.x)}V${atY(point.y)}`);
      drawing.append(svg("path", { class: "front", d: `M${atX(first.x)} ${atY(first.y)}${steps.join("")}` }));
    }
    const marks = points.map((point) => drawn(point, atX, atY));
    const names = spec.atEdge ? edgeLabels(spec.named, atX, atY) : labels(points, spec.named, atX, atY, width);
    drawing.append(...marks, ...names);
    listen(drawing, points, marks);
    figure.append(drawing);
  }

  function drawn(point, atX, atY) {
    const way = wayOf(point.found), group = svg("g", { "data-way": point.found.way });
    const { x, y } = point.ranges;
    const line = (x1, y1, x2, y2) => svg("line", { class: "range", x1, y1, x2, y2, stroke: way.color });
    if (x) group.append(line(atX(x[0]), atY(point.y), atX(x[1]), atY(point.y)));
    if (y) group.append(line(atX(point.x), atY(y[0]), atX(point.x), atY(y[1])));
    group.append(markOf(way, atX(point.x), atY(point.y)));
    return group;
  }

  // Names at the right end of lines, moved apart until none covers another.
  function edgeLabels(named, atX, atY) {
    const apart = 12, bottom = HEIGHT - BOTTOM, fitting = named.slice(0, Math.floor((bottom - TOP) / apart));
    const found = fitting.map((point) => ({ point, px: atX(point.x), py: atY(point.y), y: atY(point.y) }));
    found.sort((one, other) => one.py - other.py);
    found.forEach((each, number) => { if (number) each.y = Math.max(each.y, found[number - 1].y + apart); });
    found.reduceRight((limit, each) => { each.y = Math.min(each.y, limit); return each.y - apart; }, bottom);
    return found.flatMap(({ point, px, py, y }) => [
      svg("path", { class: "leader", "data-way": point.found.way, d: `M${px + 7} ${py}L${px + 17} ${y}` }),
      svg("text", { class: "label", x: px + 20, y: y + 4, "data-way": point.found.way }, wayOf(point.found).name),
    ]);
  }

  const ruler = document.createElement("canvas").getContext("2d");
  const widthOf = (text) => {
    ruler.font = `11px ${getComputedStyle(document.body).fontFamily}`;
    return ruler.measureText(text).width;
  };

  // Names go where they cover neither marks nor names; those without room are in the tooltip.
  function labels(points, named, atX, atY, width) {
    const taken = points.map((point) => [atX(point.x) - 5, atY(point.y) - 5, atX(point.x) + 5, atY(point.y) + 5]);
    const isFree = (box) =>
      box[0] >= LEFT && box[2] <= width && box[1] >= 0 && box[3] <= HEIGHT - BOTTOM &&
      taken.every((other) => box[2] < other[0] || box[0] > other[2] || box[3] < other[1] || box[1] > other[3]);
    const made = [];
    for (const point of named) {
      const name = wayOf(point.found).name, long = widthOf(name);
      const px = atX(point.x), py = atY(point.y);
      const places = [[px + 9, py + 4], [px - 9 - long, py + 4], [px - long / 2, py - 10], [px - long / 2, py + 18],
        [px + 6, py - 8], [px + 6, py + 16]];
      const free = places.find(([x, y]) => isFree([x, y - 10, x + long, y + 2]));
      if (!free) continue;
      taken.push([free[0], free[1] - 10, free[0] + long, free[1] + 2]);
      made.push(svg("text", { class: "label", x: free[0], y: free[1], "data-way": point.found.way }, name));
    }
    return made;
  }

  // ---- Tooltips, by pointer and by keyboard

  const tip = byId("tip");

  function listen(drawing, points, marks) {
    let current = -1;
    marks.forEach((mark, number) => {
      mark.addEventListener("pointerenter", () => show(points[number].found, mark));
      mark.addEventListener("pointerleave", hide);
    });
    drawing.addEventListener("blur", hide);
    drawing.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") hide();
      if (!step) return;
      event.preventDefault();
      current = (current + step + points.length) % points.length;
      show(points[current].found, marks[current]);
    });
  }

  function show(found, mark) {
    const way = wayOf(found);
    const rows = data.accesses.filter(({ name }) => found.seconds[name]).map(({ name, title }) => {
      const [middle, low, high, count] = found.seconds[name];
      return html("tr", {}, html("td", {}, title), html("td", {}, seconds(middle)),
        html("td", {}, count > 1 ? `${seconds(low)} – ${seconds(high)}` : "once"));
    });
    if (found.nbytes !== null) {
      const share = nbytes[found.input] ? `${three(found.nbytes / nbytes[found.input])} of the array` : "";
      rows.push(html("tr", {}, html("td", {}, "on disk"), html("td", {}, bytes(found.nbytes)), html("td", {}, share)));
    }
    tip.replaceChildren(html("b", {}, way.name), ` ${found.input}`, html("table", {}, ...rows));
    tip.hidden = false;
    const at = mark.getBoundingClientRect(), size = tip.getBoundingClientRect();
    const beside = at.right + 10 + size.width < innerWidth ? at.right + 10 : Math.max(4, at.left - size.width - 10);
    tip.style.left = `${Math.min(beside, Math.max(4, innerWidth - size.width - 4))}px`;
    tip.style.top = `${Math.max(4, Math.min(at.top, innerHeight - size.height - 4))}px`;
    emphasize(found.way);
  }

  function hide() {
    tip.hidden = true;
    emphasize(null);
  }

  function emphasize(number) {
    for (const part of document.querySelectorAll("figure [data-way]")) {
      part.classList.toggle("is-faded", number !== null && Number(part.dataset.way) !== number);
    }
  }

  // ---- The three plots

  const isShown = (found) => !found.error && !state.hidden.has(found.way);
  const shownCases = (group) => group.cases.map((index) => data.cases[index]).filter(isShown);
  const rangeOf = (found, access, turn) => {
    const [, low, high, count] = found.seconds[access];
    return count > 1 ? [turn(low), turn(high)] : null;
  };
  const SPEED = { log: true, format: (value) => rate(value, short) };
  const TIME = { log: true, format: (value) => seconds(value, short) };

  function sizePlot() {
    const { name, title, rated } = accessNow();
    const related = data.groups.filter((group) => group.directory === state.group.directory &&
      group.cache === state.group.cache && kinds[group.input] === kinds[state.group.input]);
    const points = related.flatMap(shownCases).filter((found) => found.seconds[name]).map((found) => {
      const turn = rated ? (value) => nbytes[found.input] / value : (value) => value;
      return { found, x: nbytes[found.input], y: turn(median(found, name)), ranges: { y: rangeOf(found, name, turn) } };
    });
    points.sort((one, other) => one.x - other.x);
    const lines = data.ways.map((_, way) => ({ way, points: points.filter((point) => point.found.way === way) }));
    const sizes = [...new Set(points.map((point) => point.x))];
    const best = points.filter((point) => point.x === sizes.at(-1)).sort((one, other) => (rated ? other.y - one.y : one.y - other.y));
    const single = sizes.length < 2 ? " One size was measured." : "";
    plot("size-plot", `Size against ${rated ? "throughput" : "time"}`,
      `${title}: ${rated ? "bytes per second, higher" : "seconds, lower"} is better, by the size of the array.${single}`,
      { points, x: { log: true, values: sizes, format: (value) => bytes(value, short), label: "size of the array" },
        y: { ...(rated ? SPEED : TIME), label: `${rated ? "throughput" : "time"} of ${title}` }, named: best, atEdge: true, room: 125,
        lines: kinds[state.group.input] === "file" ? [] : lines.filter((line) => line.points.length > 1) });
  }

  function speedPlot() {
    const total = nbytes[state.group.input], turn = (value) => total / value;
    const points = shownCases(state.group).filter((found) => found.seconds.write && found.seconds.read).map((found) => ({
      found, x: turn(median(found, "write")), y: turn(median(found, "read")),
      ranges: { x: rangeOf(found, "write", turn), y: rangeOf(found, "read", turn) },
    }));
    const named = [...points].sort((one, other) => other.x * other.y - one.x * one.y);
    plot("speed-plot", "Write against read", "Bytes per second: to the right writes faster, higher up reads faster. On the dashed line both are equal.",
      { points, named, diagonal: true, x: { ...SPEED, label: "write" }, y: { ...SPEED, label: "read" } });
  }

  function diskPlot() {
    const { name, title } = accessNow(), total = nbytes[state.group.input];
    const toPoint = (found) => ({ found, x: median(found, name), y: found.nbytes / total,
      ranges: { x: rangeOf(found, name, (value) => value) } });
    const points = shownCases(state.group).filter((found) => found.seconds[name] && found.nbytes !== null).map(toPoint);
    const best = state.group.fronts[name].map((index) => data.cases[index]);
    const front = best.map(toPoint);
    const named = [...points].sort((one, other) => best.includes(other.found) - best.includes(one.found) || one.x - other.x);
    plot("disk-plot", "Size on disk against time", `${title}: to the left is faster, lower is smaller. Nothing beats what is on the line, the Pareto front, in both.`,
      { points, named, front: points.length ? front : [], x: { ...TIME, label: title },
        y: { log: false, format: short, label: "bytes on disk for each byte of the array" } });
  }

  // ---- Tables

  const icon = (way) => svg("svg", { class: "icon", viewBox: "-7 -7 14 14", "aria-hidden": "true" }, markOf(way, 0, 0));
  const nameOf = (way) => html("span", { class: "name" }, icon(way), way.name);
  const namesOf = (winners, most = winners.length) => [
    ...winners.slice(0, most).flatMap((index, number) => [number ? " = " : "", nameOf(wayOf(data.cases[index]))]),
    winners.length > most ? ` = ${winners.length - most} more` : "",
  ];

  function winnersTable() {
    const rows = state.group.winners.map((each) => html("tr", {}, html("td", {}, each.question),
      html("td", { class: "words" }, html("b", {}, ...namesOf(each.winners))), html("td", {}, each.value), html("td", {}, each.margin)));
    const head = html("tr", {}, html("th", {}, "question"), html("th", { class: "words" }, "winner"), html("th", {}, "median"), html("th", {}, "ahead by"));
    byId("winners").replaceChildren(html("h2", {}, "Who wins"),
      html("div", { class: "scroll" }, html("table", {}, html("caption", {}, describe(state.group)), head, ...rows)));
  }

  function sizesTable() {
    const related = data.inputs.map((each) => data.groups.find((group) => group.input === each.name &&
      group.directory === state.group.directory && group.cache === state.group.cache)).filter(Boolean);
    if (related.length < 2) {
      byId("sizes").replaceChildren();
      return;
    }
    const questions = [...new Set(related.flatMap((group) => group.winners.map((each) => each.question)))];
    const head = html("tr", {}, html("th", {}, "array"), ...questions.map((each) => html("th", { class: "words" }, each.replace("fastest ", ""))));
    const rows = related.map((group) => html("tr", {}, html("td", {}, group.input), ...questions.map((question) => {
      const found = group.winners.find((each) => each.question === question);
      return html("td", { class: "words" }, ...(found ? namesOf(found.winners, 3) : ["–"]));
    })));
    byId("sizes").replaceChildren(html("h2", {}, "Best for each size"),
      html("div", { class: "scroll" }, html("table", {}, html("caption", {}, describe({ ...state.group, input: "" })), head, ...rows)));
  }

  const describe = (group) => [group.input, group.directory, group.cache].filter(Boolean).join(", ");

  function columns() {
    const timed = data.accesses.map(({ name, title }) => ({
      name, title, value: (found) => median(found, name), text: (value) => seconds(value) }));
    const total = nbytes[state.group.input];
    return [
      { name: "way", title: "way", value: (found) => wayOf(found).name, text: (value) => value },
      ...timed,
      { name: "spread", title: "spread", value: (found) => { const all = found.seconds[state.access]; return all ? (all[2] - all[1]) / all[0] / 2 : null; },
        text: (value) => `±${Math.round(value * 100)}%` },
      { name: "smallest", title: "on disk", value: (found) => found.nbytes, text: (value) => bytes(value) },
      { name: "share", title: "share", value: (found) => (found.nbytes === null || !total ? null : found.nbytes / total), text: three },
      { name: "memory", title: "memory", value: (found) => found.memory, text: (value) => bytes(value) },
    ].filter((column) => state.group.cases.some((index) => column.value(data.cases[index]) !== null));
  }

  function casesTable() {
    const all = columns(), found = state.group.cases.map((index) => data.cases[index]);
    const sort = state.sort.column ? state.sort : { column: state.access, down: false };
    const by = all.find((column) => column.name === sort.column) || all[0];
    found.sort((one, other) => {
      const left = by.value(one), right = by.value(other);
      if (left === null || right === null) return (left === null) - (right === null);
      return (left < right ? -1 : left > right ? 1 : 0) * (sort.down ? -1 : 1);
    });
    const best = (access) => state.group.winners.find((each) => each.name === access && each.role === "format");
    const isBest = (column, each) => Boolean(best(column.name)) && best(column.name).winners.includes(data.cases.indexOf(each));
    const fastest = Math.min(...found.filter((each) => wayOf(each).role === "format" && each.seconds[state.access]).map((each) => median(each, state.access)));
    const head = html("tr", {}, ...all.flatMap((column) => [heading(column, by === column, sort.down),
      column.name === "spread" ? html("th", { class: "words" }, `speed of ${accessNow().title}`) : null]).filter(Boolean));
    const rows = found.map((each) => row(each, all, isBest, fastest));
    byId("cases").replaceChildren(html("h2", {}, "All cases"), html("div", { class: "scroll" },
      html("table", {}, html("caption", {}, `${describe(state.group)}; medians, the winners among formats in bold`), html("thead", {}, head), html("tbody", {}, ...rows))));
  }

  function heading(column, isSorted, down) {
    const turn = () => {
      state.sort = { column: column.name, down: isSorted && !down };
      casesTable();
      byId("cases").querySelector(`[data-column="${column.name}"]`).focus();
    };
    return html("th", { "aria-sort": isSorted ? (down ? "descending" : "ascending") : "none" },
      html("button", { type: "button", "data-column": column.name, onclick: turn }, column.title + (isSorted ? (down ? " ▼" : " ▲") : "")));
  }

  function row(found, all, isBest, fastest) {
    const way = wayOf(found);
    const cells = all.flatMap((column) => {
      if (column.name === "way") return [html("td", {}, nameOf(way))];
      if (found.error) return [];
      const value = column.value(found);
      const cell = html("td", { class: isBest(column, found) ? "is-best" : null }, value === null ? "–" : column.text(value));
      if (column.name !== "spread") return [cell];
      const share = found.seconds[state.access] ? Math.min(1, fastest / median(found, state.access)) : 0;
      return [cell, html("td", {}, html("span", { class: "bar" }, html("i", { style: `width:${(share * 100).toFixed(1)}%` })))];
    });
    if (found.error) cells.push(html("td", { class: "failed", colspan: all.length }, found.error));
    return html("tr", { class: way.role === "floor" ? "is-floor" : null }, ...cells);
  }

  // ---- Controls and legend

  function choose(name, value) {
    const alike = (group) => ["input", "directory", "cache"].filter((each) => group[each] === state.group[each]).length;
    const fitting = data.groups.filter((group) => group[name] === value);
    state.group = fitting.reduce((best, group) => (alike(group) > alike(best) ? group : best));
    render();
  }

  function controls() {
    const words = Object.fromEntries(data.inputs.map((each) => [each.name, each.words]));
    const select = (title, values, now, act, say = (value) => value) => values.length < 2 ? null :
      html("label", {}, html("span", {}, title), html("select", { name: title, onchange: (event) => act(event.target.value) },
        ...values.map((value) => html("option", { value, selected: value === now }, say(value)))));
    const valuesOf = (name) => [...new Set(data.groups.map((group) => group[name]))];
    byId("controls").replaceChildren(...[
      ...["input", "directory", "cache"].map((name) => select(name, valuesOf(name), state.group[name],
        (value) => choose(name, value), (value) => words[value] || value || "memory")),
      select("time of", data.accesses.map((each) => each.name), state.access, (value) => { state.access = value; render(); },
        (value) => data.accesses.find((each) => each.name === value).title),
    ].filter(Boolean));
  }

  function legend() {
    const present = new Set(data.cases.filter((found) => !found.error).map((found) => found.way));
    const button = (title, pressed, act, mark = null) => html("button", { type: "button", "aria-pressed": pressed === null ? null : String(pressed), onclick: () => { act(); render(); } }, mark, title);
    const toggle = (way) => (state.hidden.has(way) ? state.hidden.delete(way) : state.hidden.add(way));
    const focused = [...byId("legend").children].indexOf(document.activeElement);
    byId("legend").replaceChildren(
      button(state.hidden.size ? "show all" : "hide all", null, () => { state.hidden = state.hidden.size ? new Set() : new Set(present); }),
      ...[...present].map((number) => button(data.ways[number].name, !state.hidden.has(number), () => toggle(number), icon(data.ways[number]))));
    if (focused >= 0) byId("legend").children[focused].focus();
  }

  function drawPlots() {
    hide();
    sizePlot();
    speedPlot();
    diskPlot();
  }

  function render() {
    controls();
    legend();
    drawPlots();
    winnersTable();
    sizesTable();
    casesTable();
  }

  let width = 0;
  new ResizeObserver(() => {
    if (byId("plots").clientWidth === width) return;
    width = byId("plots").clientWidth;
    drawPlots();
  }).observe(byId("plots"));
  render();
})();
