// Acknowledges when a person has the page in front of them. A browser that renders the page ahead of
// time, or in a tab nobody has looked at yet, waits; whoever runs no scripts has the button.
// ECMAScript 5 without later interfaces: it runs on the phone that is in the drawer of the night shift.
(function () {
  "use strict";
  var form = document.getElementById("acknowledge");
  var parts = ["sending", "failed", "offer"];
  var underWay = false;
  if (!form) {
    return;
  }

  function show(names) {
    for (var i = 0; i < parts.length; i += 1) {
      document.getElementById(parts[i]).hidden = names.indexOf(parts[i]) < 0;
    }
  }

  function taken() {
    window.location.replace(window.location.pathname);
  }

  function failed() {
    underWay = false;
    show(["failed", "offer"]);
  }

  // What the newer interface does besides is to go through although the page is closed at once.
  function sendKept() {
    window.fetch(form.action, { method: "POST", keepalive: true }).then(function (answer) {
      if (answer.status >= 500) {
        failed();
      } else {
        taken();
      }
    }, failed);
  }

  function send() {
    var request = new XMLHttpRequest();
    request.open("POST", form.action, true);
    request.onload = function () {
      if (request.status >= 500) {
        failed();
      } else {
        taken();
      }
    };
    request.onerror = failed;
    request.send();
  }

  function seen() {
    // Old browsers have no such state.
    return !document.prerendering && (document.visibilityState || "visible") === "visible";
  }

  function acknowledge() {
    if (underWay || !seen()) {
      return;
    }
    underWay = true;
    show(["sending"]);
    if (window.fetch) {
      sendKept();
    } else {
      send();
    }
  }

  window.addEventListener("pageshow", acknowledge);
  window.addEventListener("online", acknowledge);
  document.addEventListener("visibilitychange", acknowledge);
  document.addEventListener("prerenderingchange", acknowledge);
})();
