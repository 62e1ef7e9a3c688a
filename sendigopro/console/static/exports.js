// How far exports are: the table is fetched again each second while one is being written, the form stays as it is.
import { element, localTimes } from "/static/parts.js";

async function look() {
  const answer = await fetch("/console/exports").catch(() => null);
  if (!answer?.ok) return setTimeout(look, 3000);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-exports]");
  const shown = document.querySelector("[data-exports]");
  if (!fresh || !shown) return;
  const now = element(fresh.outerHTML);
  localTimes(now);
  shown.replaceWith(now);
  if ("working" in now.dataset) setTimeout(look, 1000);
}

if (document.querySelector("[data-exports][data-working]")) setTimeout(look, 700);
