// The preview follows every key; the count comes from the server, by the code that sends, a moment after the last one.
const form = document.querySelector("[data-compose]");
const text = form?.querySelector("[data-text]");
const preview = document.querySelector("[data-preview]");
const empty = "What you write stands here.";
let waits, asked = 0;

async function count() {
  const turn = ++asked;
  const answer = await fetch("/console/compose/count", {
    method: "POST",
    headers: { Accept: "application/json", "Content-Type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ body: text.value }),
  }).catch(() => null);
  if (!answer?.ok || turn !== asked) return;
  const found = await answer.json();
  for (const place of form.querySelectorAll("[data-name]")) place.textContent = found[place.dataset.name];
  form.querySelector("[data-why]").hidden = !found.outside;
}

function show() {
  preview.textContent = text.value || empty;
  preview.classList.toggle("gone", !text.value);
  clearTimeout(waits);
  waits = setTimeout(count, 180);
}

if (form) {
  text.addEventListener("input", show);
  form.elements.from.addEventListener("change", (event) => {
    const top = document.querySelector("[data-sender]");
    top.textContent = event.target.value || top.dataset.automatic;
  });
  form.addEventListener("submit", () => setTimeout(() => (form.querySelector("button.main").disabled = true)));
}
