// A match under way: what the server drew anew takes the place of what was shown; without it a link looks again.
"use strict";
{
  const part = () => document.getElementById("live-match");
  const events = new EventSource(part().dataset.liveMatch);
  let asked = 0;

  async function show() {
    const number = ++asked;
    const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
    if (!answer.ok || number !== asked) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const inside = part().contains(document.activeElement);
    part().replaceWith(page.getElementById("live-match"));
    document.title = page.title;
    if (inside) part().querySelector("button, .btn")?.focus();
    if (part().dataset.over !== undefined) events.close();
  }
  events.addEventListener("changed", show);
  events.addEventListener("end", () => { events.close(); show(); });
  setInterval(() => {
    const left = part().querySelector("[data-left]");
    if (!left) return;
    left.dataset.left = Math.max(0, left.dataset.left - 1);
    const minutes = Math.floor(left.dataset.left / 60), seconds = left.dataset.left % 60;
    left.textContent = minutes ? `${minutes} min ${seconds} s` : `${seconds} s`;
  }, 1000);
}
