// Keeps the handset live: new bubbles and statuses arrive as ready-made HTML over one event stream.
import { copyButtons, element, localTimes } from "/static/parts.js";

const handset = document.querySelector("[data-handset]");
const bubbles = document.querySelector("[data-bubbles]");
const live = document.querySelector("[data-live]");

function toTheEnd() {
  if (bubbles) bubbles.scrollTop = bubbles.scrollHeight;
}

function show(html) {
  const fresh = element(html);
  const list = bubbles?.querySelector("ol");
  if (!list || !fresh) return;
  localTimes(fresh);
  const isAtEnd = bubbles.scrollHeight - bubbles.scrollTop - bubbles.clientHeight < 80;
  const known = document.getElementById(fresh.id);
  if (known) {
    known.replaceWith(fresh);
  } else {
    fresh.classList.add("fresh");
    const next = [...list.children].find((one) => one.id > fresh.id);
    list.insertBefore(fresh, next ?? null);
  }
  if (isAtEnd) toTheEnd();
}

function listen() {
  const stream = new EventSource(handset.dataset.stream);
  stream.onopen = () => say("on", "Live");
  stream.onerror = () => say("off", "Reconnecting");
  stream.addEventListener("bubble", (event) => show(event.data));
  stream.addEventListener("phones", (event) => {
    const list = document.querySelector("[data-phones]");
    if (!list) return location.reload(); // the first phone of all: the page looks different from now on
    list.replaceChildren(...element(event.data).children);
    localTimes(list);
  });
}

function say(state, text) {
  live.dataset.state = state;
  live.textContent = text;
}

function answer(form) {
  const text = form.elements.body;
  const hint = document.querySelector("[data-hint]");
  const send = async () => {
    if (!text.value.trim()) return;
    form.querySelector("button").disabled = true;
    try {
      const sent = await fetch(form.action, {
        method: "POST",
        headers: { Accept: "application/json", "Content-Type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams({ body: text.value }),
        redirect: "manual",
      });
      if (sent.type !== "opaqueredirect" && !sent.ok) throw new Error((await sent.json()).detail);
      text.value = "";
      hint.classList.remove("bad");
      hint.textContent = hint.dataset.hint;
    } catch (error) {
      hint.classList.add("bad");
      hint.textContent = error.message || "That did not work. Is the server still running?";
    }
    form.querySelector("button").disabled = false;
    text.focus();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    }
  });
}

if (!document.body.classList.contains("framed")) copyButtons(document);
localTimes(document);
toTheEnd();
if (handset) listen();
const form = document.querySelector("[data-reply]");
if (form) answer(form);
