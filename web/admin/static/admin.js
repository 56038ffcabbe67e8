// What all pages share. Each of these works without script as well, in a plainer way.
(function () {
  "use strict";

  for (const form of document.querySelectorAll("form[data-submit-on-change]")) {
    form.addEventListener("change", () => form.requestSubmit());
  }

  // A question before something that cannot be undone.
  document.addEventListener("submit", (event) => {
    const question = (event.submitter && event.submitter.dataset.ask) || event.target.dataset.ask;
    if (question && !window.confirm(question)) {
      event.preventDefault();
    }
  });

  for (const button of document.querySelectorAll("[data-theme-switch]")) {
    button.addEventListener("click", () => window.tocsinTheme.toggle());
  }
})();
