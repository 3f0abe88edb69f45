// A plot: points with ranges, lines behind them, names beside them.

const HEIGHT = 330, LEFT = 58, TOP = 24, BOTTOM = 40;
const FLOOR = HEIGHT - BOTTOM;

// `spec` has the axes x and y; points of {found, x, y, ranges}; those that are named, the most
// important first; and lines, a front and a diagonal, if they are wanted.
function plot(id, heading, note, spec) {
  const figure = byId(id);
  figure.querySelector("figcaption").replaceChildren(html("b", {}, heading), note);
  figure.querySelectorAll("svg, p").forEach((old) => old.remove());
  const points = spec.points.filter((point) => point.x > 0 && point.y > 0);
  if (!points.length) {
    figure.append(html("p", { class: "note" }, "Nothing to show."));
    return;
  }
  const width = Math.max(280, figure.clientWidth - 24);
  const x = axis({ ...spec.x, spacing: 50 }, reach(points, "x"), LEFT, width - (spec.room || 12));
  const y = axis({ ...spec.y, spacing: 30 }, reach(points, "y"), FLOOR, TOP);
  const marks = points.map((point) => drawn(point, x, y));
  const help = "Arrow keys go from point to point; the table has all figures.";
  const drawing = svg(
    "svg",
    { width, height: HEIGHT, role: "img", tabindex: 0, "aria-label": `${heading}. ${note} ${help}` },
    ...frame(x, y),
    ...behind(spec, x, y),
    ...marks,
    ...(spec.atEdge ? edgeLabels(spec.named, x, y) : labels(points, spec.named, x, y, width)),
  );
  listen(drawing, points, marks);
  figure.append(drawing);
}

const reach = (points, along) => points.flatMap((each) => [each[along], ...(each.ranges[along] || [])]);

function frame(x, y) {
  const vertical = ticks(x).flatMap((tick) => [
    svg("line", { class: "grid", x1: x.at(tick), x2: x.at(tick), y1: TOP, y2: FLOOR }),
    text("tick", x.at(tick), FLOOR + 15, "middle", x.format(tick)),
  ]);
  const horizontal = ticks(y).flatMap((tick) => [
    svg("line", { class: "grid", x1: LEFT, x2: x.to, y1: y.at(tick), y2: y.at(tick) }),
    text("tick", LEFT - 6, y.at(tick) + 4, "end", y.format(tick)),
  ]);
  return [
    ...vertical,
    ...horizontal,
    text("axis", (LEFT + x.to) / 2, HEIGHT - 6, "middle", `${x.label} →`),
    text("axis", 0, 12, "start", `↑ ${y.label}`),
  ];
}

const text = (kind, x, y, anchor, words) => svg("text", { class: kind, x, y, "text-anchor": anchor }, words);

function behind(spec, x, y) {
  const found = [];
  const low = Math.max(x.low, y.low), high = Math.min(x.high, y.high);
  if (spec.diagonal && low < high) {
    const ends = { x1: x.at(low), y1: y.at(low), x2: x.at(high), y2: y.at(high) };
    found.push(svg("line", { class: "guide", ...ends }));
  }
  for (const { way, points } of spec.lines || []) {
    const path = points.map((point) => `${x.at(point.x)} ${y.at(point.y)}`).join("L");
    const stroke = data.ways[way].color;
    found.push(svg("path", { class: "series", "data-way": way, d: `M${path}`, stroke }));
  }
  if (spec.front && spec.front.length) {
    const [first, ...others] = spec.front;
    const steps = others.map((point) => `H${x.at(point.x)}V${y.at(point.y)}`).join("");
    found.push(svg("path", { class: "front", d: `M${x.at(first.x)} ${y.at(first.y)}${steps}` }));
  }
  return found;
}

function drawn(point, x, y) {
  const way = wayOf(point.found), { ranges } = point;
  const group = svg("g", { "data-way": point.found.way });
  const line = (ends) => group.append(svg("line", { class: "range", ...ends, stroke: way.color }));
  const px = x.at(point.x), py = y.at(point.y);
  if (ranges.x) line({ x1: x.at(ranges.x[0]), x2: x.at(ranges.x[1]), y1: py, y2: py });
  if (ranges.y) line({ x1: px, x2: px, y1: y.at(ranges.y[0]), y2: y.at(ranges.y[1]) });
  group.append(markOf(way, px, py));
  return group;
}
