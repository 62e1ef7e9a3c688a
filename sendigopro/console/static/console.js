// The console by keyboard: the palette (Ctrl+K), two keys that lead to a page, the menu on a phone.
import { copyButtons, localTimes } from "/static/parts.js";

document.documentElement.classList.add("js");
localTimes(document);
copyButtons(document);

const places = [...document.querySelectorAll("[data-place]")];
const palette = document.querySelector("[data-palette]");
const word = palette?.querySelector("input");
const list = palette?.querySelector("ul");
let chosen = 0;

function found() {
  const typed = word.value.trim().toLowerCase();
  return places.filter((one) => typed.split(/\s+/).every((part) => `${one.textContent} ${one.dataset.place}`.toLowerCase().includes(part)));
}

function draw() {
  const shown = found();
  chosen = Math.max(0, Math.min(chosen, shown.length - 1));
  list.replaceChildren(
    ...shown.map((place, at) => {
      const line = document.createElement("li");
      line.id = `palette-${at}`;
      line.setAttribute("role", "option");
      line.setAttribute("aria-selected", String(at === chosen));
      line.append(place.querySelector("svg").cloneNode(true), place.textContent.trim());
      if (place.dataset.keys) {
        const keys = document.createElement("kbd");
        keys.textContent = place.dataset.keys;
        line.append(keys);
      }
      line.addEventListener("click", () => place.click());
      return line;
    }),
  );
  word.setAttribute("aria-activedescendant", shown.length ? `palette-${chosen}` : "");
  list.children[chosen]?.scrollIntoView({ block: "nearest" });
}

function open() {
  word.value = "";
  chosen = 0;
  draw();
  palette.showModal();
}

if (palette) {
  word.addEventListener("input", () => {
    chosen = 0;
    draw();
  });
  palette.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      chosen += step;
      draw();
    }
  });
  palette.querySelector("form").addEventListener("submit", (event) => {
    const place = found()[chosen];
    if (place) {
      event.preventDefault(); // an id is nothing here: the form asks the server
      place.click();
    }
  });
  palette.addEventListener("click", (event) => event.target === palette && palette.close());
  for (const button of document.querySelectorAll("[data-open-palette]")) {
    button.hidden = false;
    button.addEventListener("click", open);
  }
}

let before = "";
let forget;

function isTyping(target) {
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && palette) {
    event.preventDefault();
    palette.open ? palette.close() : open();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || palette?.open) return;
  if (event.key === "/") {
    const filter = document.querySelector("[data-filter]");
    if (filter) {
      event.preventDefault();
      filter.focus();
    }
    return;
  }
  if (event.key === "?" && palette) return open();
  const keys = `${before} ${event.key}`.trim();
  const place = places.find((one) => one.dataset.keys === keys);
  before = event.key;
  clearTimeout(forget);
  forget = setTimeout(() => (before = ""), 900);
  if (place) {
    before = "";
    place.click();
  }
});

const menu = document.querySelector("[data-menu]");
menu?.addEventListener("click", () => {
  const isOpen = document.getElementById("places").classList.toggle("is-open");
  menu.setAttribute("aria-expanded", String(isOpen));
});
