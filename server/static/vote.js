// Keys 1 to 4 vote. Off while typing and with modifiers, and off for good where the voter says so (WCAG 2.1.4).
const ballot = document.querySelector("[data-ballot]");
if (ballot) {
  const choice = ballot.querySelector("[data-keys]");
  const show = () => { for (const key of ballot.querySelectorAll("kbd")) key.classList.toggle("scripted", !choice.checked); };
  const keep = (value) => { try { localStorage.setItem("vote-keys", value); } catch { /* then it holds for this page */ } };
  let kept = null;
  try { kept = localStorage.getItem("vote-keys"); } catch { /* storage is off */ }
  choice.checked = kept !== "off";
  choice.addEventListener("change", () => { keep(choice.checked ? "on" : "off"); show(); });
  ballot.querySelector("[data-keys-choice]").classList.remove("scripted");
  show();

  let sent = false;
  ballot.addEventListener("submit", (event) => {
    if (sent) event.preventDefault(); // one vote a ballot, however often a key is pressed
    sent = true;
  });
  window.addEventListener("pageshow", () => { sent = false; });
  document.addEventListener("keydown", (event) => {
    if (!choice.checked || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input:not([type=checkbox]), textarea, select")) return;
    const button = ballot.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (button) { event.preventDefault(); button.click(); }
  });
}
