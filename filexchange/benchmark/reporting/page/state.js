// What was measured, and what of it is shown now.

const data = JSON.parse(document.getElementById("data").textContent);
const nbytes = Object.fromEntries(data.inputs.map((each) => [each.name, each.nbytes]));
const kinds = Object.fromEntries(data.inputs.map((each) => [each.name, each.kind]));

const larger = (one, other) => (nbytes[other.input] > nbytes[one.input] ? other : one);
const state = {
  group: data.groups.reduce(larger, data.groups[0]),
  access: (data.accesses.find((each) => each.name === "round_trip") || data.accesses[0])?.name,
  hidden: new Set(),
  sort: { column: null, down: false },
};

const wayOf = (found) => data.ways[found.way];
const median = (found, access) => (found.seconds[access] ? found.seconds[access][0] : null);
const accessNow = () => data.accesses.find((each) => each.name === state.access);
// Whether only the array is another one.
const isBeside = (group) =>
  group.directory === state.group.directory && group.cache === state.group.cache;
const byId = (id) => document.getElementById(id);
