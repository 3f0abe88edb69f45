// Tooltips, by pointer and by keyboard.

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
  const line = (...texts) => html("tr", {}, ...texts.map((each) => html("td", {}, each)));
  const timed = data.accesses.filter(({ name }) => found.seconds[name]);
  const rows = timed.map(({ name, title }) => {
    const [middle, low, high, count] = found.seconds[name];
    return line(title, seconds(middle), count > 1 ? `${seconds(low)} – ${seconds(high)}` : "once");
  });
  if (found.nbytes !== null) {
    const share = shareOf(found, nbytes[found.input]);
    rows.push(line("on disk", bytes(found.nbytes), share === null ? "" : `${three(share)} of the array`));
  }
  const name = html("b", {}, wayOf(found).name);
  tip.replaceChildren(name, ` ${found.input}`, html("table", {}, ...rows));
  tip.hidden = false;
  place(mark.getBoundingClientRect(), tip.getBoundingClientRect());
  emphasize(found.way);
}

// Beside the mark, and inside the window.
function place(mark, { width, height }) {
  const right = mark.right + 10, isRoom = right + width < innerWidth;
  const left = isRoom ? right : Math.min(mark.left - width - 10, innerWidth - width - 4);
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${Math.max(4, Math.min(mark.top, innerHeight - height - 4))}px`;
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
