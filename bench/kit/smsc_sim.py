#!/usr/bin/env python3
"""A fast SMSC simulator: an SMPP 3.4 server for benchmarks and chaos tests.

It accepts bind_transmitter/receiver/transceiver with any credentials, answers
every submit_sm at once with a message id, and, when registered_delivery asks
for it, sends a standard delivery receipt (deliver_sm, esm_class 0x04, with the
receipted_message_id and message_state TLVs) after --dlr-delay seconds.

A receipt goes to the session that submitted the message; when that session has
ended, or is a transmitter, to any receiving session of the same system_id.
Receipts are kept until deliver_sm_resp comes: those a client had not
acknowledged when its session ended are sent again to its next session, as a
real message centre does.  At most --dlr-window of them are outstanding per
session.

Everything is counted per destination number, so a load generator that uses a
distinct number for each message can read losses and duplicates.

Control port (HTTP, default 127.0.0.1:2776):
  GET  /stats               counters as JSON
  GET  /dump                one line per destination: number count t_first t_last
                            (times are CLOCK_MONOTONIC seconds)
  POST /reset               forget counts and pending receipts
  POST /down?seconds=5      drop every session, refuse connections that long (a new /down replaces the last)
  POST /stall?seconds=5     keep sessions open but answer no submit_sm that long
  POST /set?dlr_delay=0.2&max_rate=100&throttle_every=10
SIGUSR1 prints /stats to stderr.

Faults: each --X-every N strikes every N-th submit_sm (0: never); all of them,
and the delays, can be changed while it runs with /set (underscores for dashes).
  throttle   answered ESME_RTHROTTLED; the message is not taken
  drop       taken, not answered, and the connection is closed
  mute       taken, never answered (its receipt still comes)
  garbage    an invalid PDU follows the answer (--garbage says which kind)
  undeliv    its receipt says UNDELIV
  dlr-dup    its receipt is sent twice
  dlr-early  its receipt is sent before its submit_sm_resp
--dlr-jitter makes receipts arrive out of order.
"""
import argparse
import asyncio
import json
import os
import random
import signal
import struct
import sys
import time
from collections import deque

import control

HDR = struct.Struct(">IIII")
BIND_RX, BIND_TX, BIND_TRX = 0x01, 0x02, 0x09
SUBMIT_SM, SUBMIT_SM_RESP = 0x04, 0x80000004
DELIVER_SM, DELIVER_SM_RESP = 0x05, 0x80000005
UNBIND, UNBIND_RESP = 0x06, 0x80000006
ENQUIRE_LINK, ENQUIRE_LINK_RESP = 0x15, 0x80000015
GENERIC_NACK = 0x80000000
ESME_RINVCMDID, ESME_RINVBNDSTS, ESME_RTHROTTLED = 0x03, 0x04, 0x58
FAULTS = ("throttle", "drop", "mute", "garbage", "undeliv", "dlr_dup", "dlr_early")
SETTINGS = ("dlr_delay", "dlr_jitter", "resp_delay", "max_rate")
GARBAGE = {
    "unknown": HDR.pack(20, 0x0ABC, 0, 1) + b"junk",
    "truncated": HDR.pack(22, DELIVER_SM, 0, 0x7FFFFFF0) + b"\0\1\x01999",
    "length": HDR.pack(8, ENQUIRE_LINK, 0, 1),   # shorter than its own header
}


def receipt(data, src, src_end, dst, dst_end, text, mid, stamp, delivered):
    """The body of a deliver_sm that reports on the submit_sm in *data*."""
    body = b"id:%s sub:001 dlvrd:%s submit date:%s done date:%s stat:%s err:%s text:%s" % (
        mid, b"001" if delivered else b"000", stamp, stamp,
        b"DELIVRD" if delivered else b"UNDELIV", b"000" if delivered else b"001", text)
    return b"".join((
        b"\0", data[dst:dst_end + 1], data[src:src_end + 1], b"\x04\0\0\0\0\0\0\0\0",
        bytes((len(body),)), body, b"\x00\x1e", (len(mid) + 1).to_bytes(2, "big"), mid,
        b"\0\x04\x27\0\x01", b"\x02" if delivered else b"\x05"))


class Account:
    """What is shared by the sessions of one system_id."""

    def __init__(self):
        self.receivers = []      # sessions that may get deliver_sm
        self.orphans = deque()   # receipts whose session is gone or cannot receive


class Smsc:
    """Counters, settings and the listener."""

    def __init__(self, args):
        self.args = args
        for key in SETTINGS:
            setattr(self, key, getattr(args, key))
        self.every = {f: getattr(args, f + "_every") for f in FAULTS}
        self.chaos = any(self.every.values())
        self.accounts = {}
        self.sessions = set()
        self.server = None
        self.revival = None
        self.stalled_until = 0.0
        self.next_id = int(time.time()) % 1_000_000 * 1000
        self.binds = 0
        self._sec, self._sec_n = 0, 0
        self._stamp, self._stamp_t = b"", -10.0
        self.reset()

    def reset(self):
        self.seen = {}           # number -> [count, t_first, t_last]
        self.submits = self.throttled = self.dlr_sent = self.dlr_acked = 0
        self.dlr_nacked = self.dlr_wanted = self.turn = 0
        self.hits = dict.fromkeys(FAULTS, 0)
        self.t_first = self.t_last = self.t_last_dlr_ack = None
        for account in self.accounts.values():
            account.orphans.clear()
        for session in self.sessions:
            session.unacked.clear()
            session.backlog.clear()

    def faults(self):
        """The faults due at this submit_sm; a throttled one suffers no other."""
        self.turn += 1
        due = [f for f, n in self.every.items() if n and self.turn % n == 0]
        if "throttle" in due:
            due = ["throttle"]
        for fault in due:
            self.hits[fault] += 1
        return due

    def over_rate(self):
        """True when this submit_sm is over --max-rate for the current second."""
        sec = int(time.monotonic())
        if sec != self._sec:
            self._sec, self._sec_n = sec, 0
        self._sec_n += 1
        return self._sec_n > self.max_rate

    def stamp(self, now):
        """YYMMDDhhmm as receipts want it, formatted once a second."""
        if now - self._stamp_t > 1:
            self._stamp, self._stamp_t = time.strftime("%y%m%d%H%M").encode(), now
        return self._stamp

    def stats(self):
        cpu = os.times()
        return {
            "submits": self.submits, "unique": len(self.seen),
            "dups": self.submits - len(self.seen), "throttled": self.throttled,
            "dlr_wanted": self.dlr_wanted, "dlr_sent": self.dlr_sent,
            "dlr_acked": self.dlr_acked, "dlr_nacked": self.dlr_nacked,
            "dlr_backlog": sum(len(a.orphans) for a in self.accounts.values())
            + sum(len(s.backlog) for s in self.sessions),
            "sessions": len(self.sessions), "binds": self.binds,
            "t_first": self.t_first, "t_last": self.t_last,
            "t_last_dlr_ack": self.t_last_dlr_ack,
            "faults": {f: n for f, n in self.hits.items() if n},
            "cpu_s": round(cpu.user + cpu.system, 3), "pid": os.getpid(),
        }

    def handle_http(self, path, query):
        loop = asyncio.get_running_loop()
        if path == "/stats":
            return control.as_json(self.stats())
        if path == "/dump":
            return 200, "".join("%s %d %.6f %.6f\n" % (k.decode("latin-1"), *v)
                                for k, v in self.seen.items()).encode()
        if path == "/reset":
            self.reset()
            return control.as_json({"ok": True})
        if path == "/down":
            seconds = float(query.get("seconds", 5))
            self.server.close()
            for session in list(self.sessions):
                session.transport.abort()
            if self.revival is not None:   # a second /down counts, not both
                self.revival.cancel()
            self.revival = loop.call_later(seconds, lambda: loop.create_task(self.listen()))
            return control.as_json({"down_s": seconds})
        if path == "/stall":
            self.stalled_until = time.monotonic() + float(query.get("seconds", 5))
            return control.as_json({"stalled_until": self.stalled_until})
        if path == "/set":
            for key, value in query.items():
                if key in SETTINGS:
                    setattr(self, key, float(value))
                elif key.removesuffix("_every") in FAULTS:
                    self.every[key.removesuffix("_every")] = int(value)
                else:
                    raise ValueError(key)
            self.chaos = any(self.every.values())
            return control.as_json({"ok": True})
        return 404, b"no such path\n"

    async def listen(self):
        self.server = await asyncio.get_running_loop().create_server(
            lambda: Session(self), self.args.host, self.args.port,
            reuse_address=True, backlog=128)
        self.args.port = self.server.sockets[0].getsockname()[1]   # given 0: any free one, then kept


class Session(asyncio.Protocol):
    """One SMPP connection.  All answers to one read go out in one write."""

    def __init__(self, smsc):
        self.smsc = smsc
        self.buf = b""
        self.account = None
        self.seq = 0
        self.unacked = {}        # our sequence number -> receipt body
        self.backlog = deque()   # receipts waiting for a window slot
        self.can_receive = False

    def connection_made(self, transport):
        self.transport = transport
        self.smsc.sessions.add(self)

    def connection_lost(self, exc):
        self.smsc.sessions.discard(self)
        if self.account is not None:
            if self in self.account.receivers:
                self.account.receivers.remove(self)
            self.account.orphans.extend(self.unacked.values())
            self.account.orphans.extend(self.backlog)
            self.unacked = {}
            self.backlog.clear()
            if self.account.receivers:
                self.account.receivers[0].pump()

    def data_received(self, data):
        if self.buf:
            data = self.buf + data
        smsc = self.smsc
        now = time.monotonic()
        unpack, pack = HDR.unpack_from, HDR.pack
        out, receipts = [], []
        pos, end = 0, len(data)
        dropped = False
        while end - pos >= 16 and not dropped:
            length, cmd, status, seq = unpack(data, pos)
            if length < 16 or length > 65536:
                self.transport.abort()
                return
            nxt = pos + length
            if nxt > end:
                break
            if cmd == SUBMIT_SM:
                if self.account is None:
                    out.append(pack(16, SUBMIT_SM_RESP, ESME_RINVBNDSTS, seq))
                else:
                    dropped = self.submit(data, pos, seq, now, out, receipts)
            elif cmd == DELIVER_SM_RESP:
                if self.unacked.pop(seq, None) is not None:
                    if status:
                        smsc.dlr_nacked += 1
                    else:
                        smsc.dlr_acked += 1
                    smsc.t_last_dlr_ack = now
            elif cmd == ENQUIRE_LINK:
                out.append(pack(16, ENQUIRE_LINK_RESP, 0, seq))
            elif cmd in (BIND_TRX, BIND_TX, BIND_RX):
                system_id = data[pos + 16:data.find(0, pos + 16)]
                self.account = smsc.accounts.setdefault(system_id, Account())
                self.can_receive = cmd != BIND_TX
                if self.can_receive:
                    self.account.receivers.append(self)
                smsc.binds += 1
                out.append(pack(21, cmd | 0x80000000, 0, seq) + b"SIM1\0")
            elif cmd == UNBIND:
                out.append(pack(16, UNBIND_RESP, 0, seq))
                dropped = True
            elif not cmd & 0x80000000:
                out.append(pack(16, GENERIC_NACK, ESME_RINVCMDID, seq))
            pos = nxt
        self.buf = b"" if dropped else data[pos:]
        if (receipts or out) and smsc.submits:
            if smsc.t_first is None:
                smsc.t_first = now
            smsc.t_last = now
        self.answer(out, receipts, now)
        if dropped:
            self.transport.close()

    def submit(self, data, pos, seq, now, out, receipts):
        """Take one submit_sm; True when the connection is to be dropped."""
        smsc, find = self.smsc, data.find
        faults = smsc.faults() if smsc.chaos else ()
        if "throttle" in faults or smsc.max_rate and smsc.over_rate():
            smsc.throttled += 1
            out.append(HDR.pack(16, SUBMIT_SM_RESP, ESME_RTHROTTLED, seq))
            return False
        # service_type, source ton/npi/addr, dest ton/npi/addr
        src = find(0, pos + 16) + 1
        src_end = find(0, src + 2)
        dst = src_end + 1
        dst_end = find(0, dst + 2)
        number = data[dst + 2:dst_end]
        rec = smsc.seen.get(number)
        if rec is None:
            smsc.seen[number] = [1, now, now]
        else:
            rec[0] += 1
            rec[2] = now
        smsc.submits += 1
        smsc.next_id += 1
        mid = b"%d" % smsc.next_id
        # esm_class, protocol_id, priority, schedule, validity, registered
        p = find(0, find(0, dst_end + 4) + 1) + 1
        if data[p] & 1:
            smsc.dlr_wanted += 1
            stamp = smsc.stamp(now)
            text = data[p + 5:p + 5 + min(data[p + 4], 20)] if data[p + 2] in (0, 1, 3) else b""
            body = receipt(data, src, src_end, dst, dst_end, text, mid, stamp,
                           "undeliv" not in faults)
            if "dlr_early" in faults and self.can_receive:
                out += self.deliver(body)
            else:
                receipts.append(body)
            if "dlr_dup" in faults:
                receipts.append(body)
        if "mute" not in faults and "drop" not in faults:
            out.append(HDR.pack(17 + len(mid), SUBMIT_SM_RESP, 0, seq) + mid + b"\0")
        if "garbage" in faults:
            out.append(GARBAGE[smsc.args.garbage])
        return "drop" in faults

    def answer(self, out, receipts, now):
        """Write the answers, now or later, and queue the receipts."""
        smsc, loop = self.smsc, asyncio.get_running_loop()
        wait = max(smsc.resp_delay, smsc.stalled_until - now, 0)
        if out and wait:
            loop.call_later(wait, self.write_late, b"".join(out))
        elif receipts and self.can_receive and not (wait or smsc.dlr_delay or smsc.dlr_jitter):
            self.backlog.extend(receipts)
            self.pump(out)
            return
        elif out:
            self.transport.write(b"".join(out))
        if receipts and smsc.dlr_jitter:
            for body in receipts:
                loop.call_later(wait + smsc.dlr_delay + random.random() * smsc.dlr_jitter,
                                self.queue_receipts, [body])
        elif receipts:
            loop.call_later(wait + smsc.dlr_delay, self.queue_receipts, receipts)
        elif self.can_receive and (self.backlog or self.account.orphans):
            self.pump()

    def write_late(self, data):
        if not self.transport.is_closing():
            self.transport.write(data)

    def deliver(self, body):
        """The two pieces of one deliver_sm; it counts as sent."""
        self.seq += 1
        self.unacked[self.seq] = body
        self.smsc.dlr_sent += 1
        return HDR.pack(16 + len(body), DELIVER_SM, 0, self.seq), body

    def queue_receipts(self, receipts):
        """Hand due receipts to this session, or to another of the account."""
        if self in self.account.receivers:
            self.backlog.extend(receipts)
            self.pump()
        else:
            self.account.orphans.extend(receipts)
            if self.account.receivers:
                self.account.receivers[0].pump()

    def pump(self, out=None):
        """Send receipts while the window has room: this session's own first."""
        out = [] if out is None else out
        backlog, orphans = self.backlog, self.account.orphans
        room = self.smsc.args.dlr_window - len(self.unacked)
        while room > 0 and (backlog or orphans):
            out += self.deliver((backlog or orphans).popleft())
            room -= 1
        if out:
            self.transport.write(b"".join(out))


async def main_async(args):
    smsc = Smsc(args)
    await smsc.listen()
    server = await control.serve(args.host, args.http_port, smsc.handle_http)
    args.http_port = server.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR1, lambda: print(
        json.dumps(smsc.stats()), file=sys.stderr, flush=True))
    for sig in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sig, stop.set)
    print("smsc_sim: smpp %s:%d http %d pid %d" % (
        args.host, args.port, args.http_port, os.getpid()), flush=True)
    await stop.wait()
    print(json.dumps(smsc.stats()), flush=True)


def main():
    ap = argparse.ArgumentParser(description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--host", default="127.0.0.1")
    ap.add_argument("--port", type=int, default=2775)
    ap.add_argument("--http-port", type=int, default=2776)
    ap.add_argument("--dlr-delay", type=float, default=0.0, help="seconds (default 0)")
    ap.add_argument("--dlr-jitter", type=float, default=0.0,
                    help="up to so many seconds more, at random: receipts out of order")
    ap.add_argument("--dlr-window", type=int, default=500,
                    help="unacknowledged deliver_sm per session (default 500)")
    ap.add_argument("--resp-delay", type=float, default=0.0,
                    help="seconds before submit_sm_resp (default 0)")
    ap.add_argument("--max-rate", type=float, default=0.0,
                    help="answer ESME_RTHROTTLED above this many submit_sm/s (0: never)")
    for fault in FAULTS:
        ap.add_argument("--%s-every" % fault.replace("_", "-"), type=int, default=0,
                        metavar="N", help="see above (0: never)")
    ap.add_argument("--garbage", choices=GARBAGE, default="unknown",
                    help="unknown command, truncated deliver_sm, or impossible length")
    ap.add_argument("--seed", type=int, help="makes --dlr-jitter repeatable")
    args = ap.parse_args()
    random.seed(args.seed)
    try:
        import uvloop
        uvloop.install()
    except ImportError:
        print("smsc_sim: no uvloop, running slower", file=sys.stderr)
    asyncio.run(main_async(args))


if __name__ == "__main__":
    main()
