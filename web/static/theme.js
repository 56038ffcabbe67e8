// Alerts are read at night: follow the device's dark mode, before anything is drawn.
(function () {
  "use strict";
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  function apply() {
    document.documentElement.dataset.bsTheme = dark.matches ? "dark" : "light";
  }
  dark.addEventListener("change", apply);
  apply();
})();
