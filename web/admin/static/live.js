// Keeps a page as new as the record: a stream tells that something happened, and the page's live part is fetched again.
// Where streams are used up or do not pass, it asks every few seconds. Times to come are counted down.
(function () {
  "use strict";
  const POLL_MILLISECONDS = 4000;
  const STALE_MILLISECONDS = 30000;
  const state = document.querySelector("[data-live-state]");
  let part = document.querySelector("[data-live]");
  let version = part.dataset.version;
  let skew = 0;
  let fetching = false;
  let polling = 0;
  let heardAt = Date.now();

  function say(words) {
    if (state && state.textContent !== words) {
      state.textContent = words;
    }
  }

  function heard(words) {
    heardAt = Date.now();
    say(words);
  }

  async function refresh() {
    if (fetching) {
      return;
    }
    fetching = true;
    try {
      const answer = await fetch(window.location.href, { headers: { "X-Requested-With": "live" } });
      const found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-live]");
      if (!found) {
        // Signed out, or the thing is gone: the page itself says which.
        window.location.reload();
        return;
      }
      const open = part.querySelector(".dropdown-menu.show, details[open], audio[data-playing]");
      const typing = part.contains(document.activeElement) && document.activeElement.matches("input, select, textarea");
      if (!open && !typing) {
        const focused = document.activeElement && part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
        part.replaceWith(found);
        part = found;
        version = found.dataset.version;
        if (focused) {
          const again = [...part.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused);
          if (again) {
            again.focus();
          }
        }
        measure();
        count();
      }
    } finally {
      fetching = false;
    }
  }

  function told(newest) {
    if (newest !== version) {
      refresh().catch(() => {});
    }
  }

  async function poll() {
    try {
      const answer = await fetch(part.dataset.versionUrl, { headers: { Accept: "application/json" } });
      if (!answer.ok || answer.redirected) {
        throw new Error("no version");
      }
      told((await answer.json()).version);
      heard(state ? state.dataset.pollWords : "");
    } catch (_error) {
      if (Date.now() - heardAt > STALE_MILLISECONDS) {
        say(state ? state.dataset.lostWords : "");
      }
      refresh().catch(() => {});
    }
  }

  function stream() {
    const source = new EventSource(part.dataset.live);
    source.addEventListener("version", (event) => {
      window.clearInterval(polling);
      polling = 0;
      heard(state ? state.dataset.liveWords : "");
      told(event.data);
    });
    source.addEventListener("error", () => {
      // The browser tries again by itself, unless it was refused a stream: then asking takes over for a while.
      if (source.readyState === EventSource.CLOSED && !polling) {
        polling = window.setInterval(poll, POLL_MILLISECONDS);
        window.setTimeout(stream, 10 * POLL_MILLISECONDS);
        poll();
      }
    });
  }

  function measure() {
    skew = Date.parse(part.dataset.now) - Date.now();
  }

  function count() {
    for (const element of part.querySelectorAll("[data-countdown]")) {
      const left = Math.round((Date.parse(element.dataset.countdown) - Date.now() - skew) / 1000);
      const minutes = Math.floor(Math.abs(left) / 60);
      const seconds = String(Math.abs(left) % 60).padStart(2, "0");
      element.textContent = left > 0 ? `${minutes}:${seconds}` : "…";
    }
  }

  measure();
  count();
  window.setInterval(count, 1000);
  stream();
})();
