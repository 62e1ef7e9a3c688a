#!/usr/bin/env python3
"""Load generator: N single-message HTTP requests over C keep-alive connections.

Each request goes to a number of its own.  After the last answer it waits until
the SMSC simulator has received every accepted message and the HTTP sink every
delivery report (or until neither has moved for --quiet seconds), then compares
the three sides and prints one JSON object:

  accepted_per_s        accepted answers / time from first request to last answer
  http_ms               latency percentiles of the HTTP answers
  e2e_smsc_per_s        messages / time from first request to last submit_sm seen
  e2e_dlr_per_s         messages / time from first request to last callback
  smsc_ms, dlr_ms       per-message latency: request sent -> submit_sm, -> callback
  lost, dup_smsc, ...   compared with the numbers the gateway answered "accepted" to
  unknown               no answer (connection died); such messages are not resent
  sut_cpu_s, peak_rss   CPU and memory of the processes named by --sut-match/--sut-pid

Templates may use {to}, {i}, {from}, {text} and {dlr} (the callback URL, already
percent-encoded when used in --path; raw in --body).
"""
import argparse
import asyncio
import http.client
import json
import os
import random
import subprocess
import sys
import time
import urllib.parse

from procstat import ProcSet, Sampler


def percentile(sorted_values, q):
    if not sorted_values:
        return None
    k = min(len(sorted_values) - 1, int(q / 100 * len(sorted_values)))
    return round(sorted_values[k], 3)


def spread(values_s):
    """p50/p95/p99/max of a list of seconds, in milliseconds."""
    v = sorted(x * 1000 for x in values_s)
    return {"p50": percentile(v, 50), "p95": percentile(v, 95),
            "p99": percentile(v, 99), "max": round(v[-1], 3) if v else None}


def control(hostport, method, path):
    conn = http.client.HTTPConnection(hostport, timeout=10)
    try:
        conn.request(method, path)
        return conn.getresponse().read().decode()
    finally:
        conn.close()


def first_number(valid):
    """A random block of numbers.  Country code 999 is not assigned: nothing can
    ring.  *valid*: German mobile numbers, for systems that check numbers."""
    if valid:
        return int("49%d%03d00000" % (random.choice((151, 152, 157, 159)), random.randrange(990)))
    return 99900000000000 + random.randrange(1, 10**5) * 10**6


class Client(asyncio.Protocol):
    """One keep-alive connection: send, wait for the answer, send the next."""

    def __init__(self, run):
        self.run, self.buf, self.i, self.transport = run, b"", None, None

    def connection_made(self, transport):
        self.transport = transport
        self.next()

    def next(self):
        run = self.run
        if run.position >= run.n:
            self.i = None
            self.transport.close()
            run.closed()
            return
        if run.rate:
            wait = run.t0 + run.position / run.rate - time.monotonic()
            if wait > 0:
                self.i = None
                run.position += 1
                asyncio.get_running_loop().call_later(wait, self.send, run.position - 1)
                return
        run.position += 1
        self.send(run.position - 1)

    def send(self, i):
        self.i = i
        if self.transport.is_closing():
            self.lost_one()
            self.run.reconnect(self)
            return
        # At a fixed rate a request is late from the moment it was due, not from when a connection was free.
        self.run.t_send[i] = self.run.t0 + i / self.run.rate if self.run.rate else time.monotonic()
        self.transport.write(self.run.request(i))

    def data_received(self, data):
        buf = self.buf + data if self.buf else data
        head_end = buf.find(b"\r\n\r\n")
        if head_end < 0:
            self.buf = buf
            return
        head = buf[:head_end].lower()
        at = head.find(b"content-length:")
        if at >= 0:
            end = head.find(b"\r", at)
            size = int(head[at + 15:end if end > 0 else None])
            if len(buf) < head_end + 4 + size:
                self.buf = buf
                return
        elif b"transfer-encoding: chunked" in head:
            if not buf.endswith(b"0\r\n\r\n"):
                self.buf = buf
                return
        self.buf = b""
        run, i = self.run, self.i
        if i is None:
            return
        now = time.monotonic()
        status = int(buf[9:12])
        run.statuses[status] = run.statuses.get(status, 0) + 1
        run.latency.append(now - run.t_send[i])
        run.t_last_answer = now
        if status in run.ok_status:
            run.outcome[i] = 1
            run.accepted += 1
        else:
            run.outcome[i] = 2
            if run.first_error is None:
                run.first_error = buf[:400].decode("latin-1")
        run.at_mark()
        self.i = None
        if b"connection: close" in head:
            self.transport.close()
            run.reconnect(self)
            return
        self.next()

    def lost_one(self):
        if self.i is not None:
            self.run.unknown += 1
            self.run.outcome[self.i] = 3
            self.i = None
            self.run.at_mark()

    def connection_lost(self, exc):
        if self.i is not None:
            self.lost_one()
            self.run.reconnect(self)


class Run:
    def __init__(self, args):
        self.args, self.n, self.rate = args, args.count, args.rate
        self.base = args.base or first_number(args.valid_numbers)
        self.ok_status = {int(s) for s in args.ok_status.split(",")}
        self.t_send = [0.0] * self.n
        self.outcome = bytearray(self.n)   # 0 not sent, 1 accepted, 2 refused, 3 unknown
        self.position = self.accepted = self.unknown = self.reconnects = 0
        self.latency, self.statuses, self.first_error = [], {}, None
        self.t_last_answer = None
        self.marked = not args.at_cmd
        self.mark = int(self.n * args.at)
        self.answered = 0
        self.child = None
        extra = "".join(h + "\r\n" for h in args.header)
        self.head = "%s %s HTTP/1.1\r\nHost: %s\r\n%s" % (
            args.method, "%s", args.target, extra)

    def number(self, i):
        return str(self.base + i)

    def request(self, i):
        a = self.args
        to = self.number(i)
        dlr = a.dlr_url.replace("{to}", to)
        values = {"{to}": to, "{i}": str(i), "{from}": a.sender}
        path = a.path
        body = a.body
        for k, v in values.items():
            path = path.replace(k, v)
            body = body.replace(k, v)
        path = path.replace("{text}", urllib.parse.quote_plus(a.text)).replace(
            "{dlr}", urllib.parse.quote(dlr, safe=""))
        if not body:
            return (self.head % path + "\r\n").encode()
        body = body.replace("{text}", a.text).replace("{dlr}", dlr).encode()
        return (self.head % path + "Content-Length: %d\r\n\r\n" % len(body)).encode() + body

    def at_mark(self):
        """Fire --at-cmd once the given share of answers is in."""
        self.answered += 1
        if not self.marked and self.answered >= self.mark:
            self.marked = True
            self.child = subprocess.Popen(self.args.at_cmd, shell=True)

    def closed(self):
        self.live -= 1
        if self.live <= 0 and not self.finished.done():
            self.finished.set_result(None)

    def reconnect(self, client):
        self.reconnects += 1
        asyncio.get_running_loop().create_task(self.connect())

    async def connect(self):
        host, port = self.args.target.rsplit(":", 1)
        give_up = time.monotonic() + self.args.max_outage
        while True:
            try:
                await asyncio.get_running_loop().create_connection(
                    lambda: Client(self), host, int(port))
                return
            except OSError:
                if time.monotonic() > give_up:
                    self.closed()
                    return
                await asyncio.sleep(0.1)

    async def load(self):
        loop = asyncio.get_running_loop()
        self.finished = loop.create_future()
        self.live = self.args.connections
        self.t0 = time.monotonic()
        for _ in range(self.args.connections):
            loop.create_task(self.connect())
        await asyncio.wait_for(self.finished, self.args.max_time)

    def settle(self, hostport, want):
        """Poll /stats until *want* unique keys, no change for --quiet s, or
        --max-settle s after the first request."""
        last, changed = -1, time.monotonic()
        while True:
            st = json.loads(control(hostport, "GET", "/stats"))
            seen = st.get("submits", st.get("requests"))
            if st["unique"] >= want:
                return
            now = time.monotonic()
            if seen != last:
                last, changed = seen, now
            elif now - changed > self.args.quiet:
                return
            if now - self.t0 > self.args.max_settle:
                return
            time.sleep(0.05)


def read_dump(hostport):
    out = {}
    for line in control(hostport, "GET", "/dump").splitlines():
        key, count, first, last = line.split()
        out[key] = (int(count), float(first), float(last))
    return out


def arguments():
    ap = argparse.ArgumentParser(description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--target", required=True, help="host:port of the gateway's HTTP API")
    ap.add_argument("--method", default="GET")
    ap.add_argument("--path", required=True, help="request target template")
    ap.add_argument("--body", default="", help="request body template")
    ap.add_argument("--header", action="append", default=[], help="'Name: value'")
    ap.add_argument("--ok-status", default="200,201,202")
    ap.add_argument("-n", "--count", type=int, default=20000)
    ap.add_argument("-c", "--connections", type=int, default=32)
    ap.add_argument("--rate", type=float, default=0, help="requests/s, open loop (0: flat out)")
    ap.add_argument("--base", type=int, help="first number (default: random block)")
    ap.add_argument("--valid-numbers", action="store_true",
                    help="numbers that pass a validity check (simulator only: they may exist)")
    ap.add_argument("--sender", default="BENCH")
    ap.add_argument("--text", default="benchmark message, forty-five characters long")
    ap.add_argument("--dlr-url", default="http://127.0.0.1:9090/dlr/{to}")
    ap.add_argument("--smsc", default="127.0.0.1:2776", help="simulator control port")
    ap.add_argument("--sink", default="127.0.0.1:9090", help="callback sink ('' if none)")
    ap.add_argument("--quiet", type=float, default=5, help="give up after s without progress")
    ap.add_argument("--max-settle", type=float, default=50, help="stop waiting s after start")
    ap.add_argument("--max-time", type=float, default=120, help="limit of the HTTP phase, s")
    ap.add_argument("--max-outage", type=float, default=40, help="reconnect this long, s")
    ap.add_argument("--sut-match", action="append", default=[], help="regex on command lines")
    ap.add_argument("--sut-pid", action="append", type=int, default=[])
    ap.add_argument("--at", type=float, default=0.5, help="share of answers at which...")
    ap.add_argument("--at-cmd", default="", help="...this shell command is started")
    ap.add_argument("--label", default="")
    ap.add_argument("--out", help="append the JSON line to this file")
    return ap.parse_args()


def compare(run, sampled, kit0, times, timed_out):
    """One JSON-able result from what we sent, what the simulator saw and what came back."""
    args = run.args
    cpu, peak, pss, idle_rss = sampled
    c0, c1 = times
    http_s = (run.t_last_answer or time.monotonic()) - run.t0
    smsc, sink = read_dump(args.smsc), read_dump(args.sink) if args.sink else {}
    smsc_stats = json.loads(control(args.smsc, "GET", "/stats"))
    sink_stats = json.loads(control(args.sink, "GET", "/stats")) if args.sink else {}
    index = {run.number(i): i for i in range(run.n)}
    accepted = {k for k, i in index.items() if run.outcome[i] == 1}
    unknown = {k for k, i in index.items() if run.outcome[i] == 3}
    got = {k.lstrip("+"): v for k, v in smsc.items() if k.lstrip("+") in index}
    back = {k.lstrip("+"): v for k, v in sink.items() if k.lstrip("+") in index}
    t_smsc = max((v[1] for v in got.values()), default=None)
    t_dlr = max((v[1] for v in back.values()), default=None)
    return {
        "label": args.label, "n": run.n, "connections": args.connections, "rate": args.rate,
        "accepted": run.accepted, "statuses": run.statuses, "unknown": run.unknown,
        "not_sent": sum(1 for o in run.outcome if o == 0), "reconnects": run.reconnects,
        "timed_out": timed_out,
        "http_s": round(http_s, 3), "accepted_per_s": round(run.accepted / http_s, 1),
        "http_ms": spread(run.latency),
        "e2e_smsc_per_s": round(len(got) / (t_smsc - run.t0), 1) if got else None,
        "e2e_dlr_per_s": round(len(back) / (t_dlr - run.t0), 1) if back else None,
        "smsc_ms": spread([v[1] - run.t_send[index[k]] for k, v in got.items()]),
        "dlr_ms": spread([v[1] - run.t_send[index[k]] for k, v in back.items()]),
        "at_smsc": len(got), "lost": len(accepted - got.keys()),
        "unknown_delivered": len(unknown & got.keys()),
        "dup_smsc": sum(v[0] - 1 for v in got.values()),
        "dup_numbers": sum(1 for v in got.values() if v[0] > 1),
        "callbacks": len(back), "no_callback": len(accepted - back.keys()),
        "no_callback_though_sent": len((accepted & got.keys()) - back.keys()),
        "dup_callbacks": sum(v[0] - 1 for v in back.values()),
        "sut_cpu_s": round(cpu, 2),
        "sut_cpu_s_per_1000": round(cpu / (len(got) or run.accepted or 1) * 1000, 3)
        if args.sut_match or args.sut_pid else None,
        "idle_rss_mb": round(idle_rss / 2**20, 1), "peak_rss_mb": round(peak / 2**20, 1),
        "end_pss_mb": round(pss / 2**20, 1),
        "kit_cpu_s": {"load": round(c1.user + c1.system - c0.user - c0.system, 2),
                      "smsc": round(smsc_stats["cpu_s"] - kit0[0], 2),
                      "sink": round(sink_stats.get("cpu_s", 0) - kit0[1], 2)},
        "binds": smsc_stats["binds"], "first_error": run.first_error,
    }


def main():
    args = arguments()
    try:
        import uvloop
        uvloop.install()
    except ImportError:
        pass
    for hostport in filter(None, (args.smsc, args.sink)):
        control(hostport, "POST", "/reset")
    procs = ProcSet(args.sut_match, args.sut_pid)
    idle_rss = procs.rss()
    if (args.sut_match or args.sut_pid) and not idle_rss:
        sys.exit("load: no process matches --sut-match/--sut-pid")
    kit0 = [json.loads(control(h, "GET", "/stats"))["cpu_s"] if h else 0
            for h in (args.smsc, args.sink)]
    sampler = Sampler(procs)
    sampler.start()
    run = Run(args)
    c0 = os.times()
    timed_out = False
    try:
        asyncio.run(run.load())
    except asyncio.TimeoutError:
        timed_out = True
    c1 = os.times()
    want = run.accepted
    if run.child is not None:
        run.child.wait()
    run.settle(args.smsc, want)
    if args.sink:
        run.settle(args.sink, want)
    cpu, peak = sampler.finish()
    pss = procs.pss()
    result = compare(run, (cpu, peak, pss, idle_rss), kit0, (c0, c1), timed_out)
    line = json.dumps(result)
    print(line)
    if args.out:
        with open(args.out, "a") as f:
            f.write(line + "\n")


if __name__ == "__main__":
    main()
