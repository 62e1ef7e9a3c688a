// Forms that carry a passkey: ask the server what is wanted, hand it to the authenticator, send what it answers.
"use strict";

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const opened = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

async function ask(form, place) {
  const answer = await fetch(place.dataset.options, {
    method: "POST",
    body: new URLSearchParams(new FormData(form)),
    headers: { accept: "application/json" },
    credentials: "same-origin",
  });
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.detail || "This did not work. Try again.");
  return { ...told, challenge: bytes(told.challenge) };
}

async function create(form, place = form) {
  const asked = await ask(form, place);
  const made = await navigator.credentials.create({
    publicKey: {
      ...asked,
      user: { ...asked.user, id: bytes(asked.user.id) },
      excludeCredentials: opened(asked.excludeCredentials),
    },
  });
  return packed(made, {
    clientDataJSON: text(made.response.clientDataJSON),
    attestationObject: text(made.response.attestationObject),
  });
}

async function get(form, place = form) {
  const asked = await ask(form, place);
  const shown = await navigator.credentials.get({
    publicKey: { ...asked, allowCredentials: opened(asked.allowCredentials) },
  });
  const { clientDataJSON, authenticatorData, signature, userHandle } = shown.response;
  return packed(shown, {
    clientDataJSON: text(clientDataJSON),
    authenticatorData: text(authenticatorData),
    signature: text(signature),
    userHandle: userHandle ? text(userHandle) : null,
  });
}

function packed(credential, response) {
  return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response });
}

function said(error) {
  if (error.name === "InvalidStateError") return "This device has a passkey for you already.";
  if (error.name === "NotAllowedError") return "No passkey was given. Try again, or choose another way.";
  return error.message;
}

async function go(place, form, button) {
  const told = form.querySelector("[role=alert]");
  told.hidden = true;
  button.disabled = true;
  try {
    form.elements.passkey.value = await (place.dataset.passkey === "create" ? create(form, place) : get(form, place));
    form.submit();
  } catch (error) {
    told.textContent = said(error);
    told.hidden = false;
    button.disabled = false;
  }
}

if (window.PublicKeyCredential) {
  for (const part of document.querySelectorAll(".passkey")) part.hidden = false;
  for (const form of document.querySelectorAll("form[data-passkey]"))
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      go(form, form, form.querySelector("button"));
    });
  for (const button of document.querySelectorAll("button[data-passkey]"))
    button.addEventListener("click", () => {
      const name = button.form.querySelector("input[name=name]");
      if (!name || name.reportValidity()) go(button, button.form, button);
    });
}
