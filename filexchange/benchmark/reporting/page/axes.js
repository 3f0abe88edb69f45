// Axes: their ends, their ticks, and where a value is.

// An axis from one pixel to another goes a little beyond its values.
function axis(spec, values, from, to) {
  let low = Math.min(...values), high = Math.max(...values);
  const room = Math.max(1.15, (high / low) ** 0.06);
  [low, high] = spec.log ? [low / room, high * room] : [0, high * 1.08 || 1];
  const scale = spec.log ? Math.log : (value) => value;
  const span = scale(high) - scale(low);
  const at = (value) => from + ((scale(value) - scale(low)) / span) * (to - from);
  return { ...spec, low, high, at, to, most: Math.max(2, Math.floor(Math.abs(to - from) / spec.spacing)) };
}

function ticks(axis) {
  if (axis.values) return thinned(axis.values, axis.most);
  return axis.log ? powers(axis) : steps(axis);
}

const thinned = (found, most) => found.filter((_, number) => number % Math.ceil(found.length / most) === 0);

function powers({ low, high, most }) {
  let found = [];
  for (const digits of [[1, 1.5, 2, 3, 4, 5, 6, 8], [1, 2, 5], [1]]) {
    found = [];
    for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power++) {
      for (const digit of digits) found.push(digit * 10 ** power);
    }
    found = found.filter((tick) => tick >= low && tick <= high);
    if (found.length <= most) break;
  }
  return thinned(found, most);
}

function steps({ high, most }) {
  const power = 10 ** Math.floor(Math.log10(high / most));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= high / most);
  return Array.from({ length: Math.floor(high / step) + 1 }, (_, number) => number * step);
}
