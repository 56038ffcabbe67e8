// Acknowledges when a person has the page in front of them. A browser that renders the page ahead of
// time, or in a tab nobody has looked at yet, waits; whoever runs no scripts has the button.
(function () {
  "use strict";
  const form = document.getElementById("acknowledge");
  if (!form) {
    return;
  }
  let under_way = false;

  function show(part) {
    for (const name of ["sending", "failed"]) {
      form.querySelector(".tocsin-" + name).hidden = name !== part;
    }
    form.querySelector(".tocsin-offer").hidden = part === "sending";
  }

  function acknowledge() {
    if (under_way || document.prerendering || document.visibilityState !== "visible") {
      return;
    }
    under_way = true;
    show("sending");
    fetch(form.action, { method: "POST", keepalive: true })
      .then(function (answer) {
        if (answer.status >= 500) {
          throw new Error("not available");
        }
        return answer.text();
      })
      .then(function () {
        window.location.replace(window.location.pathname);
      })
      .catch(function () {
        under_way = false;
        show("failed");
      });
  }

  window.addEventListener("pageshow", acknowledge);
  window.addEventListener("online", acknowledge);
  document.addEventListener("visibilitychange", acknowledge);
  document.addEventListener("prerenderingchange", acknowledge);
})();
