// Says beside an audio player whether it plays the very file that was heard and, where nothing comes, why. While one
// plays, the page's live part is left alone (live.js looks for data-playing).
(function () {
  "use strict";
  const ORIGINAL = "X-Tocsin-Original";

  function stateOf(audio) {
    return audio.closest("[data-player]").querySelector("[data-player-state]");
  }

  async function explain(audio, failed) {
    const state = stateOf(audio);
    try {
      const answer = await fetch(audio.getAttribute("src"), failed ? {} : { method: "HEAD" });
      const plain = (answer.headers.get("Content-Type") || "").startsWith("text/plain");
      if (!answer.ok) {
        state.textContent = plain ? (await answer.text()).slice(0, 300) : state.dataset.failedWords;
      } else if (failed) {
        state.textContent = state.dataset.failedWords;
      } else {
        state.textContent = state.dataset[`${answer.headers.get(ORIGINAL)}Words`] || "";
      }
    } catch (_error) {
      state.textContent = state.dataset.failedWords;
    }
  }

  // Events of media do not bubble, and the live part is replaced now and then.
  function on(name, react) {
    document.addEventListener(name, (event) => event.target.matches("[data-player] audio") && react(event.target), true);
  }

  on("play", (audio) => audio.setAttribute("data-playing", ""));
  for (const name of ["pause", "ended", "error"]) {
    on(name, (audio) => audio.removeAttribute("data-playing"));
  }
  on("loadedmetadata", (audio) => explain(audio, false));
  on("error", (audio) => explain(audio, true));
})();
