// Names beside points.

// At the right end of lines, moved apart until none covers another.
function edgeLabels(named, x, y) {
  const apart = 12;
  const fitting = named.slice(0, Math.floor((FLOOR - TOP) / apart));
  const found = fitting.map((point) => ({ point, height: y.at(point.y) }));
  found.sort((one, other) => one.height - other.height);
  let limit = -Infinity;
  for (const each of found) limit = (each.height = Math.max(each.height, limit)) + apart;
  limit = FLOOR;
  for (const each of found.reverse()) limit = (each.height = Math.min(each.height, limit)) - apart;
  return found.flatMap(({ point, height }) => {
    const px = x.at(point.x), py = y.at(point.y), way = point.found.way;
    return [
      svg("path", { class: "leader", "data-way": way, d: `M${px + 7} ${py}L${px + 17} ${height}` }),
      label(point, px + 20, height + 4),
    ];
  });
}

// Where they cover neither marks nor names; those without room are in the tooltip.
function labels(points, named, x, y, width) {
  const taken = points.map((point) => box(x.at(point.x) - 5, y.at(point.y) - 5, 10, 10));
  const isFree = (place) =>
    place.left >= LEFT && place.right <= width && place.top >= 0 && place.bottom <= FLOOR &&
    !taken.some((other) => overlap(place, other));
  const made = [];
  for (const point of named) {
    const long = widthOf(wayOf(point.found).name), px = x.at(point.x), py = y.at(point.y);
    const places = [
      [px + 9, py + 4], [px - 9 - long, py + 4], [px - long / 2, py - 10], [px - long / 2, py + 18],
      [px + 6, py - 8], [px + 6, py + 16],
    ];
    const free = places.find(([left, base]) => isFree(box(left, base - 10, long, 12)));
    if (!free) continue;
    taken.push(box(free[0], free[1] - 10, long, 12));
    made.push(label(point, ...free));
  }
  return made;
}

const label = (point, x, y) =>
  svg("text", { class: "label", x, y, "data-way": point.found.way }, wayOf(point.found).name);

const box = (left, top, wide, high) => ({ left, top, right: left + wide, bottom: top + high });
const overlap = (one, other) =>
  one.right >= other.left && one.left <= other.right && one.bottom >= other.top && one.top <= other.bottom;

const ruler = document.createElement("canvas").getContext("2d");
function widthOf(words) {
  ruler.font = `11px ${getComputedStyle(document.body).fontFamily}`;
  return ruler.measureText(words).width;
}
