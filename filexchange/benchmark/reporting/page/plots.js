// The three plots.

const isShown = (found) => !found.error && !state.hidden.has(found.way);
const shownCases = (group) => group.cases.map((index) => data.cases[index]).filter(isShown);
const SPEED = { log: true, format: (value) => rate(value, short) };
const TIME = { log: true, format: (value) => seconds(value, short) };
const SIZE = { log: true, format: (value) => bytes(value, short) };
const unchanged = (value) => value;

function rangeOf(found, access, turn) {
  const [, low, high, count] = found.seconds[access];
  return count > 1 ? [turn(low), turn(high)] : null;
}

function drawPlots() {
  hide();
  sizePlot();
  speedPlot();
  diskPlot();
}

function sizePlot() {
  const { name, title, rated } = accessNow();
  const kind = kinds[state.group.input];
  const related = data.groups.filter((group) => isBeside(group) && kinds[group.input] === kind);
  const points = related.flatMap(shownCases).filter((found) => found.seconds[name]).map((found) => {
    const size = nbytes[found.input], turn = rated ? (value) => size / value : unchanged;
    return { found, x: size, y: turn(median(found, name)), ranges: { y: rangeOf(found, name, turn) } };
  });
  points.sort((one, other) => one.x - other.x);
  const lines = data.ways.map((_, way) => (
    { way, points: points.filter((point) => point.found.way === way) }));
  const sizes = [...new Set(points.map((point) => point.x))];
  const named = points.filter((point) => point.x === sizes.at(-1));
  named.sort((one, other) => (rated ? other.y - one.y : one.y - other.y));
  const what = rated ? "throughput" : "time";
  const better = rated ? "bytes per second, higher is better" : "seconds, lower is better";
  const single = sizes.length < 2 ? " One size was measured." : "";
  plot("size-plot", `Size against ${what}`, `${title}: ${better}, by the size of the array.${single}`, {
    points, named, atEdge: true, room: 125,
    // Files have nothing in common that a line could show.
    lines: kind === "file" ? [] : lines.filter((line) => line.points.length > 1),
    x: { ...SIZE, values: sizes, label: "size of the array" },
    y: { ...(rated ? SPEED : TIME), label: `${what} of ${title}` },
  });
}

function speedPlot() {
  const turn = (value) => nbytes[state.group.input] / value;
  const both = shownCases(state.group).filter((found) => found.seconds.write && found.seconds.read);
  const points = both.map((found) => ({
    found, x: turn(median(found, "write")), y: turn(median(found, "read")),
    ranges: { x: rangeOf(found, "write", turn), y: rangeOf(found, "read", turn) },
  }));
  const named = [...points].sort((one, other) => other.x * other.y - one.x * one.y);
  const note = "Bytes per second: to the right writes faster, higher up reads faster. " +
    "On the dashed line both are equal.";
  plot("speed-plot", "Write against read", note, {
    points, named, diagonal: true, x: { ...SPEED, label: "write" }, y: { ...SPEED, label: "read" },
  });
}

function diskPlot() {
  const { name, title } = accessNow(), total = nbytes[state.group.input];
  const toPoint = (found) => ({
    found, x: median(found, name), y: found.nbytes / total,
    ranges: { x: rangeOf(found, name, unchanged) },
  });
  const stored = shownCases(state.group).filter((found) => found.seconds[name] && found.nbytes !== null);
  const points = stored.map(toPoint);
  const best = state.group.fronts[name].map((index) => data.cases[index]);
  const named = [...points].sort(
    (one, other) => best.includes(other.found) - best.includes(one.found) || one.x - other.x);
  const note = `${title}: to the left is faster, lower is smaller. ` +
    "Nothing beats what is on the line, the Pareto front, in both.";
  plot("disk-plot", "Size on disk against time", note, {
    points, named, front: points.length ? best.map(toPoint) : [],
    x: { ...TIME, label: title },
    y: { log: false, format: short, label: "bytes on disk for each byte of the array" },
  });
}
