// Puts a command on the clipboard. Without script, or where the browser forbids it, the command is shown instead.
(function () {
  "use strict";
  const status = document.querySelector("[role=status][data-copied]");
  const dialog = document.querySelector("dialog.admin-dialog");

  function say(text) {
    status.classList.remove("visually-hidden");
    status.classList.add("admin-toast");
    status.textContent = text;
  }

  function show(message, text) {
    dialog.querySelector("[data-message]").textContent = message;
    const area = dialog.querySelector("textarea");
    area.value = text;
    area.hidden = !text;
    dialog.showModal();
    area.select();
  }

  async function fetched(form) {
    const answer = await fetch(form.action, {
      method: "POST",
      body: new FormData(form),
      headers: { Accept: "application/json" },
    });
    return { ok: answer.ok, document: await answer.json() };
  }

  async function copy(form) {
    const { ok, document: found } = await fetched(form);
    if (!ok) {
      show(found.message, "");
      return;
    }
    try {
      await navigator.clipboard.writeText(found.curl);
      say(status.dataset.copied);
    } catch (_error) {
      show(status.dataset.notCopied, found.curl);
    }
  }

  for (const form of document.querySelectorAll("form[data-copy]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      // Where this fails, as on a lost connection, the plain way shows what is wrong.
      copy(form).catch(() => form.submit());
    });
  }

  for (const button of document.querySelectorAll("[data-copy-from]")) {
    const from = document.getElementById(button.dataset.copyFrom);
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      from.select();
      await navigator.clipboard.writeText(from.value);
      say(status.dataset.copied);
    });
  }
})();
