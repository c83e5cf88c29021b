// What pages do beyond links and forms. Without it everything still works by address (?move=17, ?sort=name).
// No eval, no inline handlers; sizes are set through SVG attributes, so that a strict content policy holds.
const typing = (target) => target.closest("input:not([type=range]), textarea, select");

// Theme: the link works without script by a cookie; here the page changes in place.
// The style sheet shows the link that changes something.
const themeSwitches = document.querySelectorAll("[data-theme-switch]");
for (const themeSwitch of themeSwitches) {
  themeSwitch.addEventListener("click", (event) => {
    const root = document.documentElement, theme = themeSwitch.dataset.themeSwitch;
    event.preventDefault();
    root.dataset.theme = theme;
    document.querySelector('meta[name="color-scheme"]').content = theme;
    document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax`;
    for (const other of themeSwitches) if (other !== themeSwitch) other.focus();
  });
}

// The part of another page with this id; null when the server does not answer.
async function fragments(address, ids) {
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  if (!answer.ok) return null;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return ids.map((id) => page.getElementById(id));
}

// Replay: every position is drawn by the server, for the seat that looks on; here they are exchanged without a reload.
const replay = document.querySelector("[data-replay]");
if (replay) {
  const count = Number(replay.dataset.count), view = replay.dataset.view;
  const slider = replay.querySelector("[data-slider]"), spoken = replay.querySelector("output");
  const play = replay.querySelector('[data-go="play"]');
  const addressOf = (move) => `?move=${move}` + (view === undefined ? "" : `&view=${view}`);
  const drawings = new Map();
  const filmed = replay.dataset.film !== undefined && !matchMedia("(prefers-reduced-motion: reduce)").matches;
  const moveTakes = 260; // milliseconds of a film
  let at = Number(replay.dataset.at), timer = 0, running = 0, loading = null;

  function drawing(move) {
    if (!drawings.has(move)) {
      const asked = fragments(addressOf(move), ["position"]).then((found) => found && found[0]);
      asked.catch(() => drawings.delete(move));
      drawings.set(move, asked);
    }
    return drawings.get(move);
  }
  function markInList() {
    const list = replay.querySelector(".moves");
    replay.querySelector("[data-ply][aria-current]")?.removeAttribute("aria-current");
    const link = replay.querySelector(`[data-ply="${at}"]`);
    if (link) {
      link.setAttribute("aria-current", "step");
      const row = link.closest("tr").getBoundingClientRect(), seen = list.getBoundingClientRect();
      if (row.top < seen.top || row.bottom > seen.bottom) list.scrollTop += row.top - seen.top - list.clientHeight / 2;
    }
  }
  function mark() {
    markInList();
    for (const [go, move] of [["-1", Math.max(at - 1, 0)], ["1", Math.min(at + 1, count)]]) {
      replay.querySelector(`[data-go="${go}"]`).setAttribute("href", addressOf(move));
    }
    slider.value = at;
    spoken.textContent = `move ${at} of ${count}`;
    if (!running) history.replaceState(null, "", addressOf(at)); // browsers refuse many changes in a short time
  }
  // A match on a map: its numbers are fetched once, and drawn here from then on.
  function film() {
    loading ??= arenaFilm.load(replay.dataset.film).catch(() => null);
    return loading;
  }
  async function run() {
    const shown = await film();
    if (!shown) { loading = null; stop(); spoken.textContent = "the server does not answer"; return; }
    let began = null;
    const from = at;
    function frame(now) {
      if (!running) return;
      began ??= now;
      const time = Math.min(from + (now - began) / moveTakes, count);
      shown.run(time * shown.perMove);
      if (Math.floor(time) !== at) { at = Math.floor(time); mark(); }
      if (time < count) running = requestAnimationFrame(frame);
      else show(count);
    }
    running = requestAnimationFrame(frame);
  }
  async function show(move) {
    const asked = Math.max(0, Math.min(count, move));
    at = asked;
    if (asked === count) stop();
    mark();
    try {
      if (replay.dataset.film !== undefined) {
        const shown = await film();
        if (!shown) throw new Error("no answer");
        if (asked === at && !running) shown.rest(asked);
        return;
      }
      const found = await drawing(asked);
      if (found && asked === at) document.getElementById("position").replaceWith(found.cloneNode(true));
    } catch {
      stop();
      loading = null;
      spoken.textContent = "the server does not answer";
      return;
    }
    for (const next of [asked + 1, asked - 1]) if (next >= 0 && next <= count) drawing(next).catch(() => {});
  }
  function stop() {
    clearInterval(timer);
    cancelAnimationFrame(running);
    timer = running = 0;
    play.textContent = "Play";
  }
  function toggle() {
    if (timer || running) { stop(); if (filmed) show(at); return; }
    play.textContent = "Pause";
    if (filmed) {
      if (at === count) at = 0;
      running = -1; // until the numbers are here
      mark();
      run();
      return;
    }
    if (at === count) show(0);
    timer = setInterval(() => show(at + 1), 700);
  }
  const go = { first: () => show(0), last: () => show(count), "-1": () => show(at - 1), "1": () => show(at + 1), play: toggle };
  replay.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    const control = event.target.closest("[data-go]"), link = event.target.closest("a[data-ply]");
    if (control) { event.preventDefault(); if (control !== play) stop(); go[control.dataset.go](); }
    if (link) { event.preventDefault(); stop(); show(Number(link.dataset.ply)); }
  });
  slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
  const keys = { ArrowLeft: "-1", ArrowRight: "1", Home: "first", End: "last", " ": "play" };
  document.addEventListener("keydown", (event) => {
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (event.key === " " && event.target.closest("button, a, summary")) return;
    if (event.target.closest(".table-text") && event.key.startsWith("Arrow")) return;
    event.preventDefault();
    if (event.key !== " ") stop();
    go[keys[event.key]]();
  });
  for (const part of replay.querySelectorAll(".scripted")) part.classList.remove("scripted");
  markInList();
}

// Live: the tournament's numbers change in place; tables are exchanged, but not under the pointer or the focus.
const live = document.querySelector("[data-live-source]");
if (live) {
  const cell = (name) => live.querySelector(`[data-live="${name}"]`);
  const tag = document.querySelector("h1 .tag.live"), toggle = live.querySelector("[data-live-toggle]");
  const often = 4000;
  let source = null, shown = 0, updatedAt = 0, tablesAt = 0, wanted = false, said = "";

  function follow() {
    source = new EventSource(live.dataset.liveSource);
    source.addEventListener("progress", (event) => {
      const now = JSON.parse(event.data);
      shown = now.done;
      cell("done").textContent = now.done.toLocaleString("en-US");
      if (now.per_second !== null) cell("speed").textContent = now.per_second < 10 ? now.per_second.toFixed(1) : Math.round(now.per_second).toLocaleString("en-US");
      if (now.planned) cell("meter").setAttribute("width", `${Math.min((100 * now.done) / now.planned, 100).toFixed(2)}%`);
      updatedAt = Date.now();
      wanted = true;
      if (tag) { tag.className = "tag live"; tag.textContent = "live"; }
    });
    source.addEventListener("end", () => { halt(); location.reload(); });
    source.onerror = () => {
      if (tag) { tag.className = "tag warn"; tag.textContent = "reconnecting"; }
      if (said !== "lost") { said = "lost"; cell("said").textContent = "The connection is lost; the page shows the last numbers."; }
    };
  }
  function halt() { source?.close(); source = null; }
  async function tables() {
    if (!wanted || !source || Date.now() - tablesAt < often) return;
    tablesAt = Date.now();
    wanted = false;
    const ids = ["finding", "num-forfeits", "evidence", "standing", "matches"];
    const fresh = await fragments(location.href, ids).catch(() => null);
    if (!fresh) return;
    const held = (id) => { const part = document.getElementById(id); return part && (part.matches(":hover") || part.contains(document.activeElement)); };
    const together = ["finding", "standing"]; // the sentence and the table that proves it change at once
    ids.forEach((id, k) => {
      const part = fresh[k], old = document.getElementById(id);
      if (!part || !old) return;
      if (Number(part.dataset.matches ?? shown) < shown) wanted = true; // computed before the last matches came
      if (together.includes(id) ? together.some(held) : held(id)) wanted = true;
      else old.replaceWith(part);
    });
  }
  toggle.textContent = "pause";
  toggle.addEventListener("click", (event) => {
    event.preventDefault();
    if (source) { halt(); if (tag) { tag.className = "tag"; tag.textContent = "paused"; } } else follow();
    toggle.textContent = source ? "pause" : "continue";
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) halt();
    else if (!source && toggle.textContent === "pause") follow();
  });
  setInterval(() => {
    if (updatedAt) cell("updated").textContent = `${Math.round((Date.now() - updatedAt) / 1000)} s ago`;
    tables();
  }, 1000);
  follow();
}
