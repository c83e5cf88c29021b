// An open ladder says how many matches came since it was made. It changes nothing under the reader's hand: a link shows the new one.
const newMatches = document.getElementById("new-matches");
if (newMatches) {
  const link = document.createElement("a"), words = document.createTextNode("");
  link.href = location.href;
  link.textContent = "Show the ladder with them";
  newMatches.append(words, link);
  let source = null;

  function follow() {
    source = new EventSource(newMatches.dataset.events);
    source.addEventListener("matches", (event) => {
      const more = JSON.parse(event.data).matches - Number(newMatches.dataset.matches);
      words.data = more === 1 ? "1 new match since this page was made. " : `${more.toLocaleString("en-US")} new matches since this page was made. `;
      newMatches.hidden = more <= 0;
    });
  }
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { source?.close(); source = null; } else if (!source) follow();
  });
  addEventListener("pagehide", () => source?.close());
  if (!document.hidden) follow();
}
