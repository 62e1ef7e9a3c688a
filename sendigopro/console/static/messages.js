// Says calmly that there are new messages; the reader decides when the list changes.
const bar = document.querySelector("[data-fresh]");
if (bar) {
  const stream = new EventSource(bar.dataset.fresh);
  stream.addEventListener("new", (event) => {
    bar.querySelector("[data-count]").textContent = `${event.data} new message${event.data === "1" ? "" : "s"}`;
    bar.hidden = false;
    if (event.data.endsWith("+")) stream.close();
  });
  addEventListener("pagehide", () => stream.close());
}
