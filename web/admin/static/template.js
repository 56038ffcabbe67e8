// Shows what a template makes of an alert while it is written, and says it. Without script two buttons do the same.
(function () {
  "use strict";
  const WAIT_MILLISECONDS = 400;
  const form = document.querySelector("form[data-template]");
  const source = form.querySelector("[name=source]");
  const problem = form.querySelector("[data-problem]");
  const shown = form.querySelector("[data-shown]");
  const listen = form.querySelector("[data-listen]");
  let timer = 0;
  let newest = 0;
  let context = null;
  let playing = null;

  function fill(selector, text) {
    const element = form.querySelector(selector);
    if (element) {
      element.textContent = text || "";
    }
  }

  async function preview() {
    const mine = ++newest;
    const answer = await fetch(form.dataset.template, { method: "POST", body: new FormData(form) });
    if (!answer.ok || answer.redirected) {
      throw new Error(`answered ${answer.status}`);
    }
    const made = await answer.json();
    if (mine !== newest) {
      return;
    }
    source.classList.toggle("is-invalid", Boolean(made.problem));
    shown.classList.toggle("admin-preview-stale", Boolean(made.problem));
    if (problem.textContent !== (made.problem || "")) {
      problem.textContent = made.problem || "";
    }
    if (!made.problem) {
      fill("[data-written]", made.written);
      fill("[data-spoken]", made.spoken);
      form.querySelector("[data-written-part]").hidden = made.written === made.spoken;
    }
  }

  function label(words) {
    listen.querySelector("span").textContent = words;
  }

  function stop() {
    if (playing) {
      playing.onended = null;
      playing.stop();
      playing = null;
      label(listen.dataset.words);
    }
  }

  async function play() {
    context = context || new AudioContext();
    await context.resume();
    const answer = await fetch(form.dataset.audio, { method: "POST", body: new FormData(form) });
    if (!answer.ok) {
      throw new Error((await answer.text()).slice(0, 300));
    }
    playing = context.createBufferSource();
    playing.buffer = await context.decodeAudioData(await answer.arrayBuffer());
    playing.connect(context.destination);
    playing.onended = stop;
    playing.start();
    label(listen.dataset.stopWords);
  }

  form.addEventListener("input", () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => preview().catch(() => shown.classList.add("admin-preview-stale")), WAIT_MILLISECONDS);
  });

  form.querySelector("[data-preview-button]").hidden = true;

  if (listen) {
    const state = form.querySelector("[data-audio-state]");
    listen.dataset.words = listen.querySelector("span").textContent;
    listen.addEventListener("click", (event) => {
      event.preventDefault();
      if (playing) {
        stop();
        return;
      }
      listen.disabled = true;
      play()
        .catch(() => {
          state.classList.remove("visually-hidden");
          state.textContent = listen.dataset.failedWords;
        })
        .finally(() => {
          listen.disabled = false;
        });
    });
  }
})();
