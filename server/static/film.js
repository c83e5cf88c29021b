// Plays the film of a match on a map: what the server draws move by move, drawn here frame by frame from its numbers.
// Only what the viewer may see is in those numbers. Geometry is set through SVG attributes, as the content policy asks.
const arenaFilm = (() => {
  const NS = "http://www.w3.org/2000/svg";
  const PAST = 2; // frames that a shot stays while the film runs

  function made(tag, attributes, inside) {
    const element = document.createElementNS(NS, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    inside?.append(element);
    return element;
  }

  function unitOf(kind, ring) {
    const group = document.createElementNS(NS, "g");
    made("circle", { class: "body", r: kind.radius }, group);
    made("circle", { class: "spent", r: kind.radius + ring }, group);
    const left = made("circle", { class: "left", r: kind.radius + ring, pathLength: 100, transform: "rotate(-90)" }, group);
    made("text", { class: "mid", dy: ".35em" }, group).textContent = kind.letter;
    return { group, left, kind };
  }

  // Fetches the numbers once and takes over the drawing; null where the server does not answer.
  async function load(address) {
    const answer = await fetch(address);
    if (!answer.ok) return null;
    const film = await answer.json();
    const drawing = document.querySelector("#position svg.battle");
    const layer = (name) => drawing.querySelector(`[data-layer="${name}"]`);
    const units = film.units.map((kind) => kind && unitOf(kind, film.ring));
    const shots = film.shots.map(([frame, side, x1, y1, x2, y2]) => ({ frame, line: made("line", { class: `shot side-${side}`, x1, y1, x2, y2 }) }));
    const frames = film.frames.map((row) => {
      const shown = new Map();
      for (let k = 0; k < row.length; k += 4) shown.set(row[k], row.slice(k + 1, k + 4));
      return shown;
    });

    // The map at a time in frames, between two of them where it has a fraction; shots of so many frames before are drawn.
    function paint(time, past) {
      const from = Math.min(Math.floor(time), frames.length - 1), share = time - from;
      const now = frames[from], next = frames[Math.min(from + 1, frames.length - 1)];
      const lying = [], standing = [];
      for (const [unit, [x, y, left]] of now) {
        const mark = units[unit], ahead = share > 0 && left > 0 ? next.get(unit) : undefined;
        const [atX, atY] = ahead ? [x + share * (ahead[0] - x), y + share * (ahead[1] - y)] : [x, y];
        mark.group.setAttribute("class", mark.kind.class + (left > 0 ? "" : " dead"));
        mark.group.setAttribute("transform", `translate(${atX.toFixed(1)} ${atY.toFixed(1)})`);
        mark.left.setAttribute("stroke-dasharray", `${left} 100`);
        (left > 0 ? standing : lying).push(mark.group);
        if (unit === film.view) {
          const sight = layer("sight");
          sight?.setAttribute("cx", atX.toFixed(1));
          sight?.setAttribute("cy", atY.toFixed(1));
        }
      }
      layer("units").replaceChildren(...lying, ...standing);
      layer("shots").replaceChildren(...shots.filter((shot) => shot.frame < time && shot.frame >= time - past).map((shot) => shot.line));
    }
    return {
      perMove: film.per_step,
      rest(move) { // the position after a move, with all its shots, as the server draws it
        paint(move * film.per_step, film.per_step);
        drawing.setAttribute("aria-label", film.labels[move]);
      },
      run(time) { paint(time, Math.min(PAST, film.per_step)); },
    };
  }
  return { load };
})();
