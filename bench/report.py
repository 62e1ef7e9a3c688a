"""bench/RESULTS.md out of what the parts found: medians, ranges, ratios, and under which conditions."""

import os
import platform
import statistics
import subprocess
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

from bench.stage import BENCH, kept, run_json
from tests.message_centre import KIT

OURS = "SendiGoPro"
MEMORY, SPOOL = "Kannel MEMORY", "Kannel SPOOL"
INTRODUCTION = """\
Written by `make bench`: the figures of one machine on one day, so compare only within them. Load generator, message
centre simulator, callback sink, PostgreSQL and the system measured share its cores."""
SETTINGS = """
- ours: `sendigopro up`, one web where not said otherwise, one worker, embedded PostgreSQL with
  `synchronous_commit=on` and fsync; one SMPP carrier, 2 binds, window 500; one signed webhook for every final status
- Kannel 1.4.5: 2 transceiver binds, window 500, no throughput limit; MEMORY keeps accepted messages in RAM only,
  SPOOL writes a file for each but never calls fsync: neither survives a power cut
- simulator: answers at once, receipt at once; 45 characters a message, each to a number of its own
"""
COLUMNS: list[tuple[str, Callable[[Any], Any]]] = [
    ("end to end/s", lambda run: run["e2e_dlr_per_s"]),
    ("to carrier/s", lambda run: run["e2e_smsc_per_s"]),
    ("accepted/s", lambda run: run["accepted_per_s"]),
    ("answer p50 ms", lambda run: run["http_ms"]["p50"]),
    ("p99", lambda run: run["http_ms"]["p99"]),
    ("callback p50 ms", lambda run: run["dlr_ms"]["p50"]),
    ("p99", lambda run: run["dlr_ms"]["p99"]),
    ("CPU s/1000", lambda run: run["sut_cpu_s_per_1000"]),
]


def write() -> Path:
    """Write RESULTS.md from every part that has been run; a section whose part has not is left as it stands."""
    path = BENCH / "RESULTS.md"
    before = sections(path.read_text())
    lines = ["# What was measured", "", *conditions(), ""]
    for title, part, printed in SECTIONS:
        words = kept(part)
        if words is None:
            lines += before.get(title, [])
        else:
            quick = (
                " **A quick run: it says that the bench works, not how fast we are.**" if words.get("is_quick") else ""
            )
            when = f"Measured {words['at']}, commit {words['commit']}.{quick}"
            lines += [f"## {title}", "", when, "", *printed(words), ""]
    path.write_text("\n".join(lines).rstrip() + "\n")
    return path


def sections(text: str) -> dict[str, list[str]]:
    """Each with its heading, by its title."""
    parts = text.split("\n## ")[1:]
    return {part.splitlines()[0]: f"## {part.rstrip()}\n".split("\n") for part in parts}


def conditions() -> list[str]:
    disk = run_json(KIT / "fdatasync_rate.py", ["--path", str(BENCH / "state" / "fdatasync.tmp"), "--seconds", "2"])
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    machine = f"{os.cpu_count()} cores, {int(memory.split()[1]) // 2**20} GB memory"
    return [
        INTRODUCTION,
        "",
        f"- {machine}, {platform.system()}, Python {platform.python_version()}",
        f"- disk: {disk['fdatasync_per_s']:.0f} times a second write + fdatasync of {disk['size']} bytes, "  # noqa: ISC004
        f"p50 {disk['p50_ms']} ms, p99 {disk['p99_ms']} ms",
        *SETTINGS.strip().splitlines(),
    ]


def stamp() -> dict[str, str]:
    """When, and of which commit."""
    git = ["git", "-C", str(BENCH.parent), "describe", "--always", "--dirty", "--abbrev=10"]
    done = subprocess.run(git, capture_output=True, text=True, check=False)
    return {"at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), "commit": done.stdout.strip() or "unknown"}


def table(head: Sequence[str], body: Iterable[Sequence[str]]) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cells)} |"

    return [line(head), line(["---"] * len(head)), *(line(cells) for cells in body)]


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def middle(values: Iterable[Any]) -> str:
    """Median (smallest-largest)."""
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    if len(known) == 1:
        return number(known[0])
    return f"{number(statistics.median(known))} ({number(min(known))}-{number(max(known))})"


def ratio(above: Iterable[float], below: Iterable[float]) -> float:
    return statistics.median(above) / statistics.median(below)


def verdict(value: float, *, must: float, aim: float, is_less_better: bool = False) -> str:
    """How a figure stands to what must be and what we aim at."""
    sign = -1 if is_less_better else 1
    if sign * value >= sign * aim:
        return "aim reached"
    return "enough" if sign * value >= sign * must else "**missed**"


def compare(words: dict[str, Any]) -> list[str]:
    """The table, then the ratios that count."""
    runs = words["runs"]
    head = ["numbers", "connections", "system", "runs", *(title for title, _ in COLUMNS), "lost / doubled / not called"]
    body, ratios = [], []
    for numbers in ("new", "known"):
        for connections in (32, 128):
            group = [run for run in runs if run["numbers"] == numbers and run["connections"] == connections]
            of = {name: [run for run in group if run["label"] == name] for name in (MEMORY, SPOOL, OURS)}
            for name, its in of.items():
                cells = [middle(column(run) for run in its) for _, column in COLUMNS]
                faults = (sum(run[key] for run in its) for key in ("lost", "dup_smsc", "no_callback"))
                body.append([numbers, str(connections), name, str(len(its)), *cells, " / ".join(map(str, faults))])
            rates = {name: [run["e2e_dlr_per_s"] or 0 for run in its] for name, its in of.items()}
            spool, memory = ratio(rates[OURS], rates[SPOOL]), ratio(rates[OURS], rates[MEMORY])
            cells = [f"{spool:.2f}", verdict(spool, must=1, aim=2), f"{memory:.2f}", verdict(memory, must=0.5, aim=1)]
            ratios.append([numbers, str(connections), *cells])
    ratio_head = ["numbers", "connections", "to SPOOL", "must 1.0, aim 2.0", "to MEMORY", "must 0.5, aim 1.0"]
    intro = f"{words['count']:,} messages a run, one per request; medians (min-max) of interleaved runs."
    return [intro, "", *table(ratio_head, ratios), "", *table(head, body)]


def batch(words: dict[str, Any]) -> list[str]:
    head = ["web processes", "carrier", "accepted/s", "answer p99 ms", "must 20,000, aim 60,000"]
    kinds = (("queueing", "away: accept alone"), ("sending", "at work: everything at once"))
    body = []
    for webs, (name, title) in product((1, 2), kinds):
        its = words[f"{webs} web"][name]
        rate = statistics.median(run["accepted_per_s"] for run in its)
        rates, latencies = middle(run["accepted_per_s"] for run in its), middle(run["p99_ms"] for run in its)
        body.append([str(webs), title, rates, latencies, verdict(rate, must=20_000, aim=60_000)])
    return table(head, body)


def accept(words: dict[str, Any]) -> list[str]:
    runs = words["half"]
    p99 = statistics.median(run["http_ms"]["p99"] for run in runs)
    cells = [
        number(words["flat_out"]["accepted_per_s"]),
        number(runs[0]["rate"]),
        middle(run["http_ms"]["p50"] for run in runs),
        middle(run["http_ms"]["p99"] for run in runs),
        verdict(p99, must=25, aim=10, is_less_better=True),
    ]
    return table(["flat out/s", "asked for/s", "p50 ms", "p99 ms", "must 25, aim 10"], [cells])


def otp(words: dict[str, Any]) -> list[str]:
    body = []
    for carrier in ("quick", "slow"):
        its = words[carrier]
        wire = its["codes"]["smsc_ms"]
        p99 = verdict(wire["p99"], must=50, aim=20, is_less_better=True)
        cells = [f"{its['queued']:,}", f"{its['left']:,}", *(number(wire[key]) for key in ("p50", "p99", "max")), p99]
        body.append([carrier, *cells])
    head = ["carrier", "queued before", "after", "accept to wire p50 ms", "p99", "max", "must 50, aim 20"]
    note = "The slow carrier answers each submit after 200 ms: the windows are full all the time."
    return [*table(head, body), "", note]


def memory(words: dict[str, Any]) -> list[str]:
    body = []
    for name, title, must, aim in (("idle", "idle", 250, 150), ("full", f"{words['queued']:,} queued", 350, 200)):
        its = words[name]
        stands = verdict(its["rss_mb"], must=must, aim=aim, is_less_better=True)
        body.append([title, number(its["rss_mb"]), number(its["pss_mb"]), f"{must}, {aim}: {stands}"])
    return table(["supervisor, web and worker", "RSS MB", "PSS MB", "must, aim (RSS)"], body)


def rows(words: dict[str, Any]) -> list[str]:
    rates = words["rates"]
    value = rates["full"] / rates["empty"]
    cells = [
        f"{words['stored']:,}",
        middle(run["e2e_dlr_per_s"] for run in words["empty"]),
        middle(run["e2e_dlr_per_s"] for run in words["full"]),
        f"{value:.2f}",
        verdict(value, must=0.9, aim=1.0),
    ]
    return table(["stored messages", "end to end/s, empty", "full", "ratio", "must 0.9, aim 1.0"], [cells])


def keys(words: dict[str, Any]) -> list[str]:
    read, new, erased = words["read_ms_p99"], words["subjects_per_s"], words["erase_ms_p99"]
    body = [
        ["key read, p50 / p99", f"{words['read_ms_p50']:.3f} / {read:.3f} ms", "0.1", verdict_less(read, 0.1, 0.05)],
        ["new subjects by one process", f"{number(new)}/s", "10,000", verdict(new, must=10_000, aim=20_000)],
        ["one key destroyed, p50 / p99", f"{words['erase_ms_p50']:.2f} / {erased:.2f} ms", "-", "-"],
        [f"{words['batch']:,} keys, one root", f"{number(words['batch_ms'])} ms", "-", "-"],
    ]
    size = number(words["size_mb"])
    intro = f"{words['keys']:,} keys, {size} MB; keys are read in no order, by a process that begins cold."
    return [intro, "", *table(["what", "figure", "must", "so"], body)]


def erase(words: dict[str, Any]) -> list[str]:
    rows = []
    for name, title, must, aim in (
        ("answered", "the request is answered", 0, 0),
        ("unreadable", "no API, no process reads the person", 1000, 100),
        ("completed", "keys destroyed, rows gone, receipt signed", 60_000, 1000),
    ):
        worst = words[f"{name}_ms_max"]
        stands = verdict_less(worst, must, aim) if must else "-"
        rows.append(
            [title, number(words[f"{name}_ms_p50"]), number(worst), f"{must:,}, {aim:,}" if must else "-", stands]
        )
    intro = f"{words['people']} people, one after the other, in an account of {words['messages'] // 2:,} messages."
    note = "The third line is what holds against an attacker with every backup, at level immediate."
    return [intro, "", *table(["milliseconds until", "p50", "max", "must, aim", "so"], rows), "", note]


def verdict_less(value: float, must: float, aim: float) -> str:
    return verdict(value, must=must, aim=aim, is_less_better=True)


SECTIONS: list[tuple[str, str, Callable[[dict[str, Any]], list[str]]]] = [
    ("Beside Kannel: single-message API, receipts and callbacks", "compare", compare),
    ("Batch API of 100", "batch", batch),
    ("Answer at half of the maximum rate", "accept", accept),
    ("One-time codes while a campaign is queued", "otp", otp),
    ("Memory without PostgreSQL", "memory", memory),
    ("Beside stored messages", "rows", rows),
    ("Keys that can be forgotten", "keys", keys),
    ("One person erased", "erase", erase),
]
