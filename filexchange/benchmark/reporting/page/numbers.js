// Numbers as people read them.

const SECONDS = [["µs", 1e-6], ["ms", 1e-3], ["s", 1]];
const BYTES = [["B", 1], ["kB", 1e3], ["MB", 1e6], ["GB", 1e9], ["TB", 1e12]];

const three = (value) => value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
const short = (value) => String(Number(value.toPrecision(3)));

function withUnit(value, units, digits) {
  const fitting = units.filter(([, scale]) => value >= 0.9995 * scale); // what rounds to 1
  const [name, scale] = fitting.at(-1) || units[0];
  return `${digits(value / scale)} ${name}`;
}

const seconds = (value, digits = three) => withUnit(value, SECONDS, digits);
const bytes = (value, digits = three) => withUnit(value, BYTES, digits);
const rate = (value, digits = three) => `${bytes(value, digits)}/s`;
