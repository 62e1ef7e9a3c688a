"""How a receiver checks that a webhook is ours (Standard Webhooks), in two languages, without a library."""

from sendigopro.console.samples import Sample

PYTHON = '''import base64, hashlib, hmac, os, time

SECRET = base64.b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whsec_"))


def is_ours(headers, body: bytes) -> bool:
    """`headers` by lower-case name, `body` as it came: not parsed and written again."""
    stamp = headers["webhook-timestamp"]
    if abs(time.time() - int(stamp)) > 300:  # an old one, sent again by somebody else
        return False
    signed = f"{headers['webhook-id']}.{stamp}.".encode() + body
    right = base64.b64encode(hmac.digest(SECRET, signed, hashlib.sha256)).decode()
    given = [one.removeprefix("v1,") for one in headers["webhook-signature"].split() if one.startswith("v1,")]
    return any(hmac.compare_digest(right, one) for one in given)
'''
TYPESCRIPT = """import { createHmac, timingSafeEqual } from "node:crypto";

const secret = Buffer.from(process.env.WEBHOOK_SECRET!.replace(/^whsec_/, ""), "base64");

// headers by lower-case name, body as it came: not parsed and written again
export function isOurs(headers: Record<string, string>, body: Buffer): boolean {
  const stamp = headers["webhook-timestamp"];
  if (Math.abs(Date.now() / 1000 - Number(stamp)) > 300) return false; // an old one, sent again by somebody else
  const right = createHmac("sha256", secret).update(`${headers["webhook-id"]}.${stamp}.`).update(body).digest();
  return headers["webhook-signature"].split(" ").some((one) => {
    const given = Buffer.from(one.replace(/^v1,/, ""), "base64");
    return one.startsWith("v1,") && given.length === right.length && timingSafeEqual(given, right);
  });
}
"""
SAMPLES = (Sample("Python", PYTHON), Sample("TypeScript", TYPESCRIPT))
