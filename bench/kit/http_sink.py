#!/usr/bin/env python3
"""HTTP sink: receives delivery-report callbacks and counts them per message.

Any request that is not a control path is a callback.  Its key is group 1 of
--key-regex, searched in the whole request (head and body); by default the
digits after "/dlr/" in the path.  The answer is 200 with --reply as its body
(Jasmin insists on "ACK/Jasmin"; others do not care).

Control paths, on the same port:
  GET  /stats     counters as JSON        GET /dump   key count t_first t_last
  POST /reset     forget everything       POST /fail?seconds=5  answer 503 that long
GET /echo answers "ok" and counts nothing: a target for wrk, to learn what
loopback HTTP can do on this machine.
"""
import argparse
import asyncio
import json
import os
import re
import signal
import sys
import time
import urllib.parse


class State:
    def __init__(self, args):
        self.args = args
        self.key = re.compile(args.key_regex.encode()).search
        self.fail_until = 0.0
        self.ok = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s" % (
            len(args.reply), args.reply.encode())
        self.reset()

    def reset(self):
        self.seen = {}
        self.requests = self.unkeyed = self.failed = self.connections = 0
        self.t_first = self.t_last = None

    def stats(self):
        cpu = os.times()
        return {"requests": self.requests, "unique": len(self.seen),
                "dups": self.requests - self.unkeyed - len(self.seen),
                "unkeyed": self.unkeyed, "failed": self.failed,
                "connections": self.connections, "t_first": self.t_first,
                "t_last": self.t_last, "cpu_s": round(cpu.user + cpu.system, 3),
                "pid": os.getpid()}

    def control(self, target):
        """Answer a control path, or None when *target* is a callback."""
        path, _, qs = target.decode("latin-1").partition("?")
        if path == "/stats":
            body = json.dumps(self.stats()).encode() + b"\n"
        elif path == "/dump":
            body = "".join("%s %d %.6f %.6f\n" % (k.decode("latin-1"), *v)
                           for k, v in self.seen.items()).encode()
        elif path == "/reset":
            self.reset()
            body = b"{}\n"
        elif path == "/fail":
            seconds = float(dict(urllib.parse.parse_qsl(qs)).get("seconds", 5))
            self.fail_until = time.monotonic() + seconds
            body = b"{}\n"
        elif path == "/echo":
            body = b"ok"
        else:
            return None
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


CONTROL = (b"/stat", b"/dump", b"/rese", b"/fail", b"/echo")
LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.I).search
CLOSE = re.compile(rb"\r\nconnection:\s*close", re.I).search


class Sink(asyncio.Protocol):
    def __init__(self, state):
        self.state = state
        self.buf = b""

    def connection_made(self, transport):
        self.transport = transport
        self.state.connections += 1

    def data_received(self, data):
        if self.buf:
            data = self.buf + data
        st, out, close = self.state, [], False
        while data:
            head_end = data.find(b"\r\n\r\n")
            if head_end < 0:
                break
            nxt = head_end + 4
            head = data[:nxt]
            if not head.startswith(b"GET "):
                m = LENGTH(head)
                if m:
                    nxt += int(m.group(1))
                if nxt > len(data):
                    if b"100-continue" in head:
                        self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                    break
            request, data = data[:nxt], data[nxt:]
            if CLOSE(head) or b" HTTP/1.0\r\n" in head:
                close = True
            space = head.find(b" ") + 1
            if head[space:space + 5] in CONTROL:
                answer = st.control(head[space:head.find(b" ", space)])
                if answer is not None:
                    out.append(answer)
                    continue
            now = time.monotonic()
            if now < st.fail_until:
                st.failed += 1
                out.append(b"HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n")
                continue
            st.requests += 1
            m = st.key(request)
            if m is None:
                st.unkeyed += 1
            else:
                rec = st.seen.get(m.group(1))
                if rec is None:
                    st.seen[m.group(1)] = [1, now, now]
                else:
                    rec[0] += 1
                    rec[2] = now
            if st.t_first is None:
                st.t_first = now
            st.t_last = now
            out.append(st.ok)
        self.buf = data
        if out:
            self.transport.write(b"".join(out))
        if close:
            self.transport.close()


async def main_async(args):
    loop = asyncio.get_running_loop()
    state = State(args)
    server = await loop.create_server(lambda: Sink(state), args.host, args.port,
                                      reuse_address=True, backlog=1024)
    args.port = server.sockets[0].getsockname()[1]   # given 0: any free one
    stop = asyncio.Event()
    for sig in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sig, stop.set)
    print("http_sink: %s:%d pid %d" % (args.host, args.port, os.getpid()), flush=True)
    await stop.wait()
    print(json.dumps(state.stats()), flush=True)


def main():
    ap = argparse.ArgumentParser(description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--host", default="127.0.0.1")
    ap.add_argument("--port", type=int, default=9090)
    ap.add_argument("--key-regex", default=r"/dlr/\+?(\d+)")
    ap.add_argument("--reply", default="ACK/Jasmin")
    args = ap.parse_args()
    try:
        import uvloop
        uvloop.install()
    except ImportError:
        print("http_sink: no uvloop, running slower", file=sys.stderr)
    asyncio.run(main_async(args))


if __name__ == "__main__":
    main()
