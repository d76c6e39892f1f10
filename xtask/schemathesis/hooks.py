"""What a client of Slotwise knows that an API document cannot say: keys are made now, ids are those it was told, times lie ahead.

Of the requests that are made up by the document alone, nearly all are refused before anything happens. Here some are given what
they need to go through, field by field; the rest stays as it was made up. Nothing is judged here.
"""

import datetime
import os
import random
import time
import uuid

import schemathesis

# Which ids a path wants, by how it begins.
WANTED = {
    "/api/bookings/": "booking",
    "/api/holds/": "hold",
    "/api/resources/": "resource",
    "/api/series/": "series",
    "/api/waitlist/": "entry",
    "/api/people/": "person",
}
# What a field of this name means.
FIELDS = {"resource": "resource", "roomId": "resource", "owner": "person", "booking": "booking", "series": "series"}
KEPT_MAX = 200
known: dict[str, list[str]] = {}
tokens: dict[str, str] = {}


def now_key() -> str:
    made = bytearray(int(time.time() * 1000).to_bytes(6, "big") + os.urandom(10))
    made[6] = 0x70 | made[6] & 0x0F
    made[8] = 0x80 | made[8] & 0x3F
    return str(uuid.UUID(bytes=bytes(made)))


def one(kind: str):
    return random.choice(known[kind]) if known.get(kind) else None


def at(hour: int) -> str:
    day = datetime.date.today() + datetime.timedelta(days=random.randint(3, 12))
    return f"{day}T{hour:02}:00:00Z"


def mend(value):
    """Puts what is known in the place of what was made up."""
    if isinstance(value, list):
        return [mend(item) for item in value]
    if not isinstance(value, dict):
        return value
    mended = {name: mend(item) for name, item in value.items()}
    for name, kind in FIELDS.items():
        if name in mended and one(kind):
            mended[name] = one(kind)
    if "start" in mended or "end" in mended:
        hour = random.randint(8, 16)
        begin = at(hour)
        mended["start"], mended["end"] = begin, begin.replace(f"T{hour:02}", f"T{hour + 1:02}")
    plain = {"units": 1, "zone": "UTC", "kind": "room", "rule": "FREQ=WEEKLY;COUNT=3", "key": now_key(), "policy_version": 1}
    mended.update({name: is_ for name, is_ in plain.items() if name in mended})
    for name in ("override", "seen", "policy", "guests", "hold", "for", "group", "linked", "course", "interval", "equipment"):
        if random.random() < 0.8:
            mended.pop(name, None)
    return mended


@schemathesis.hook
def before_call(context, case, kwargs):
    headers = case.headers or {}
    for name in list(headers):
        # Bad keys and versions are sent too.
        if name.lower() == "idempotency-key" and random.random() < 0.9:
            headers[name] = now_key()
        if name.lower() == "if-match" and random.random() < 0.8:
            headers[name] = str(random.randint(1, 4))
    if random.random() < 0.2:
        return
    parameters = case.path_parameters or {}
    for begins, kind in WANTED.items():
        if case.path.startswith(begins) and "id" in parameters and one(kind):
            parameters["id"] = one(kind)
    if "block" in parameters and one("block"):
        parameters["block"] = one("block")
    if "key" in parameters and one("attempt"):
        parameters["key"] = one("attempt")
    if isinstance(case.query, dict):
        case.query.update({name: item for name, item in mend(dict(case.query)).items() if name in case.query})
        for name, hour in (("from", 0), ("to", 23)):
            if name in case.query:
                case.query[name] = at(hour)
    if isinstance(case.body, (dict, list)):
        case.body = mend(case.body)
        if isinstance(case.body, dict) and parameters.get("id") in tokens and "token" in case.body:
            case.body["token"] = tokens[parameters["id"]]


def learn(kind, value):
    if isinstance(value, list):
        for item in value[:5]:
            learn(kind, item)
    elif isinstance(value, dict):
        name = value.get("id")
        if isinstance(name, str) and kind:
            kept = known.setdefault(kind, [])
            kept.append(name)
            del kept[:-KEPT_MAX]
            if isinstance(value.get("token"), str):
                tokens[name] = value["token"]
        for field, item in value.items():
            learn(field if field in ("booking", "hold", "resource", "entry", "series", "block", "person") else kind_of(field, kind), item)


def kind_of(field, kind):
    return {"items": kind, "blocks": "block", "bookings": "booking", "holds": "hold", "people": "person"}.get(field)


@schemathesis.hook
def after_call(context, case, response):
    if response.status_code not in (200, 201):
        return
    try:
        told = response.json()
    except Exception:
        return
    if isinstance(told, dict):
        if isinstance(told.get("attempt"), str):
            known.setdefault("attempt", []).append(told["attempt"])
        if isinstance(told.get("id"), str) and case.path == "/api/me":
            known.setdefault("person", []).append(told["id"])
    listed = {f"{begins.rstrip('/')}": kind for begins, kind in WANTED.items()}
    learn(listed.get(case.path), told)
