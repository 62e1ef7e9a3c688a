// Keeps a part of a page current: `data-live` is where events come from, `data-event` which of them replaces the part.
import { localTimes } from "/static/parts.js";

for (const part of document.querySelectorAll("[data-live]")) {
  const source = new EventSource(part.dataset.live);
  source.addEventListener(part.dataset.event, (event) => {
    part.innerHTML = event.data; // made and escaped by our own templates
    localTimes(part);
  });
  addEventListener("pagehide", () => source.close());
}
