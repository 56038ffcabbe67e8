// Moves contacts without losing the reader's place: by their buttons, by Alt and an arrow key, or by dragging.
// Without script the buttons alone do it, and the page is loaded again.
(function () {
  "use strict";
  const status = document.querySelector("[data-moved]");
  let dragged = null;
  let before = null;

  function show(text) {
    const page = new DOMParser().parseFromString(text, "text/html");
    for (const list of document.querySelectorAll("[data-order]")) {
      const found = page.querySelector(`[data-order="${list.dataset.order}"]`);
      if (!found) {
        // Signed out, or the list is another one now: the page itself says which.
        window.location.reload();
        return;
      }
      list.replaceWith(found);
    }
    uncover();
    const said = page.querySelector(".admin-main .alert");
    if (said) {
      status.textContent = said.textContent.trim();
    }
  }

  async function send(url, fields) {
    const answer = await fetch(url, { method: "POST", body: fields });
    if (!answer.ok) {
      throw new Error(`answered ${answer.status}`);
    }
    show(await answer.text());
  }

  async function move(form) {
    const contact = form.closest("[data-contact]").dataset.contact;
    const to = form.dataset.move;
    await send(form.action, new FormData(form));
    const row = document.querySelector(`[data-contact="${contact}"]`);
    const buttons = [row.querySelector(`[data-move="${to}"] button`), ...row.querySelectorAll("[data-move] button")];
    const next = buttons.find((button) => !button.disabled);
    if (next) {
      next.focus();
    }
  }

  function ids(list) {
    return [...list.querySelectorAll("[data-contact]")].map((row) => row.dataset.contact);
  }

  async function order(list) {
    const fields = new FormData();
    fields.set("csrf_token", list.querySelector("[name=csrf_token]").value);
    for (const id of ids(list)) {
      fields.append("contact", id);
    }
    await send(list.dataset.orderUrl, fields);
  }

  function uncover() {
    for (const hidden of document.querySelectorAll("[data-handle], [data-move-hint]")) {
      hidden.hidden = false;
    }
  }

  document.addEventListener("submit", (event) => {
    if (event.target.matches("form[data-move]")) {
      event.preventDefault();
      // Where this fails, as on a lost connection, the plain way shows what is wrong.
      move(event.target).catch(() => event.target.submit());
    }
  });

  document.addEventListener("keydown", (event) => {
    const to = { ArrowUp: "up", ArrowDown: "down" }[event.key];
    const row = event.altKey && to ? event.target.closest("[data-contact]") : null;
    const form = row && row.querySelector(`form[data-move="${to}"]`);
    if (form) {
      event.preventDefault();
      if (!form.querySelector("button").disabled) {
        form.requestSubmit();
      }
    }
  });

  document.addEventListener("dragstart", (event) => {
    const handle = event.target.closest && event.target.closest("[data-handle]");
    dragged = handle ? handle.closest("[data-contact]") : null;
    if (dragged) {
      before = ids(dragged.closest("[data-order]"));
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", dragged.dataset.contact);
      event.dataTransfer.setDragImage(dragged, 0, 0);
      dragged.classList.add("admin-dragged");
    }
  });

  function over(event) {
    return dragged && event.target.closest && event.target.closest("[data-order]") === dragged.closest("[data-order]");
  }

  function place(event) {
    const row = event.target.closest("[data-contact]");
    if (row && row !== dragged) {
      const box = row.getBoundingClientRect();
      const below = event.clientY > box.top + box.height / 2;
      row.parentNode.insertBefore(dragged, below ? row.nextSibling : row);
    }
  }

  for (const kind of ["dragenter", "dragover"]) {
    document.addEventListener(kind, (event) => {
      if (over(event)) {
        event.preventDefault();
        event.dataTransfer.dropEffect = "move";
        place(event);
      }
    });
  }

  document.addEventListener("drop", (event) => {
    if (over(event)) {
      event.preventDefault();
    }
  });

  document.addEventListener("dragend", (event) => {
    if (!dragged) {
      return;
    }
    const list = dragged.closest("[data-order]");
    const after = ids(list);
    dragged.classList.remove("admin-dragged");
    if (event.dataTransfer.dropEffect === "none") {
      // Let go elsewhere, or given up: everybody goes back to their place.
      for (const id of before) {
        dragged.parentNode.append(list.querySelector(`[data-contact="${id}"]`));
      }
    } else if (after.join() !== before.join()) {
      order(list).catch(() => window.location.reload());
    }
    dragged = null;
  });

  uncover();
})();
