"""Verifies a webhook of Crew (Standard Webhooks 1.0). Give it the raw body, not what a framework made of it."""

import base64
import hashlib
import hmac
import time

TOLERANCE_SECONDS = 300


def verify(secret: str, headers: dict, body: bytes, now: float = None) -> bool:
    """Whether the delivery is Crew's and fresh. Remember webhook-id: a delivery may come twice, under the same id."""
    lower = {name.lower(): value for name, value in headers.items()}
    message_id, sent_at, signatures = (lower.get("webhook-" + name, "") for name in ("id", "timestamp", "signature"))
    if not sent_at.isascii() or not sent_at.isdigit() or abs((now or time.time()) - int(sent_at)) > TOLERANCE_SECONDS:
        return False
    key = base64.b64decode(secret[len("whsec_"):]) if secret.startswith("whsec_") else secret.encode()
    signed = message_id.encode() + b"." + sent_at.encode() + b"." + body
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    # During a rotation there are several; every one is compared, in constant time.
    return any([hmac.compare_digest(expected.encode(), given.encode()) for given in signatures.split(" ")])
