// Waits for the first message, and says so when it came.
const card = document.querySelector("[data-start]");
const stream = new EventSource(card.dataset.stream);
stream.addEventListener("arrived", () => {
  stream.close();
  card.querySelector("[data-waiting]").hidden = true;
  card.querySelector("[data-arrived]").hidden = false;
});
