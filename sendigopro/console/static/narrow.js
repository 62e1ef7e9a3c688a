// Narrows a long list to the lines that hold what was typed.
const box = document.querySelector("[data-narrow]");
const word = box.querySelector("input");
const lines = [...document.querySelectorAll("[data-entry]")];

function narrow() {
  const parts = word.value.trim().toLowerCase().split(/\s+/);
  let shown = 0;
  for (const line of lines) {
    const fits = parts.every((part) => line.textContent.toLowerCase().includes(part));
    line.hidden = !fits;
    shown += fits;
  }
  for (const section of document.querySelectorAll("main section")) section.hidden = !section.querySelector("[data-entry]:not([hidden])");
  box.querySelector("[data-count]").textContent = word.value ? `${shown} of ${lines.length}` : "";
}

box.hidden = false;
word.addEventListener("input", narrow);
