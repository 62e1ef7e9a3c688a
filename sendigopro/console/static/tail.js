// The live tail: lines as they come, as text and nothing else; a pause keeps what comes and shows it afterwards.
import { localTimes } from "/static/parts.js";

const table = document.querySelector("[data-tail]");
const body = table.tBodies[0];
const state = document.querySelector("[data-state]");
const pause = document.querySelector("[data-pause]");
const clear = document.querySelector("[data-clear]");
const hint = document.querySelector("[data-hint]");
const ROWS_MAX = 300;
const known = new Set();
let waiting = [];
let isPaused = false;

function cell(row, text, name) {
  const made = row.insertCell();
  if (name) made.className = name;
  made.append(text);
  return made;
}

function show(one) {
  const row = body.insertRow(0);
  const time = document.createElement("time");
  time.dateTime = one.at;
  time.dataset.seconds = "1";
  cell(row, time);
  cell(row, one.kind);
  const link = document.createElement("a");
  link.href = one.href;
  link.textContent = one.what;
  cell(row, link);
  cell(row, one.about ?? "");
  const chip = document.createElement("span");
  chip.className = `chip ${one.tone ?? ""}`;
  chip.textContent = one.status || "–";
  cell(row, chip);
  cell(row, one.took ?? "", "number");
  localTimes(row);
  while (body.rows.length > ROWS_MAX) body.deleteRow(-1);
}

function say(text, tone) {
  state.textContent = text;
  state.className = `chip ${tone}`;
}

function tell() {
  say(isPaused ? `Paused, ${waiting.length} waiting` : "Live", isPaused ? "warn" : "good");
}

const stream = new EventSource(table.dataset.stream);
stream.onopen = tell;
stream.onerror = () => say("Reconnecting", "warn");
stream.onmessage = (event) => {
  const one = JSON.parse(event.data);
  if (known.has(one.href)) return; // a stream begins a little before the last one ended
  known.add(one.href);
  hint.hidden = true;
  if (!isPaused) return show(one);
  waiting.push(one);
  waiting = waiting.slice(-ROWS_MAX);
  tell();
};
stream.addEventListener("more", () => {
  hint.hidden = false;
  hint.textContent = "More came at once than is shown here; the pages have all of it.";
});

pause.hidden = clear.hidden = false;
pause.addEventListener("click", () => {
  isPaused = !isPaused;
  pause.setAttribute("aria-pressed", String(isPaused));
  pause.textContent = isPaused ? "Go on" : "Pause";
  if (!isPaused) {
    waiting.forEach(show);
    waiting = [];
  }
  tell();
});
clear.addEventListener("click", () => body.replaceChildren());
