// Alerts are read at night: follow the device's dark mode, or what was chosen here, before anything is drawn.
(function () {
  "use strict";
  const KEY = "tocsin-theme";
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try {
      return window.localStorage.getItem(KEY);
    } catch (_error) {
      return null;
    }
  }

  function apply() {
    document.documentElement.dataset.bsTheme = chosen() || (dark.matches ? "dark" : "light");
  }

  window.tocsinTheme = {
    toggle() {
      const next = document.documentElement.dataset.bsTheme === "dark" ? "light" : "dark";
      try {
        window.localStorage.setItem(KEY, next);
      } catch (_error) {
        // Without storage the choice lasts for this page.
      }
      document.documentElement.dataset.bsTheme = next;
    },
  };
  dark.addEventListener("change", apply);
  apply();
})();
