"""Reading XML from outside without believing it.

No document type, no entities, no network, UTF-8 only, bounded in bytes and in depth. Everything is looked up by
local name, because banks differ in the version they put in the namespace.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from io import BytesIO

from lxml import etree

from wallet.payouts.bank_messages import MAX_MESSAGE_BYTES, MalformedMessage

_DECLARED_ENCODING = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_AMOUNT = re.compile(r"\d{1,13}(\.\d{1,5})?")


def checked(raw: bytes, limit: int = MAX_MESSAGE_BYTES) -> bytes:
    """Give the bytes back when they may be parsed at all; raises `MalformedMessage`."""
    if len(raw) > limit:
        raise MalformedMessage(f"Het bericht is groter dan {limit} bytes.", "tooLarge")
    raw = raw.removeprefix(b"\xef\xbb\xbf").strip()
    declared = _DECLARED_ENCODING.match(raw)
    if declared and declared[1].lower() not in (b"utf-8", b"us-ascii", b"ascii"):
        raise MalformedMessage("Het bericht moet UTF-8 zijn.", "notUtf8")
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedMessage("Het bericht moet UTF-8 zijn.", "notUtf8") from None
    # Looked for in the bytes, before any parser could act on it. UTF-16 cannot hide it: that is refused above.
    if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw:
        raise MalformedMessage("Een bericht met een DOCTYPE of ENTITY wordt niet gelezen.", "doctypeRefused")
    return raw


def parts(raw: bytes, *names: str) -> Iterator[etree._Element]:
    """Give each element with one of these local names when it ends; memory stays that of one element."""
    events = etree.iterparse(
        BytesIO(raw),
        events=("end",),
        tag=tuple(f"{{*}}{name}" for name in names),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        for _, element in events:
            yield element
            element.clear(keep_tail=True)
    except etree.XMLSyntaxError as error:
        raise MalformedMessage(f"Het bericht is geen goede XML (regel {error.lineno}).") from None


def message_element(raw: bytes) -> str:
    """Give the local name of the element inside Document: it tells the kind of message."""
    names = []
    try:
        for _, element in etree.iterparse(
            BytesIO(raw), events=("start",), resolve_entities=False, no_network=True, huge_tree=False
        ):
            if isinstance(element.tag, str):
                names.append(etree.QName(element).localname)
            if len(names) == 2:
                break
    except etree.XMLSyntaxError as error:
        raise MalformedMessage(f"Het bericht is geen goede XML (regel {error.lineno}).") from None
    if len(names) < 2 or names[0] != "Document":
        raise MalformedMessage("Het bericht begint niet met Document.", "unknownMessage")
    return names[1]


def text_at(element: etree._Element | None, path: str) -> str | None:
    """Give the text at a path of local names (`Refs/EndToEndId`), or None where there is none."""
    found = at(element, path)
    text = found.text if found is not None else None
    return text.strip() or None if text else None


def at(element: etree._Element | None, path: str) -> etree._Element | None:
    """Give the first element at a path of local names."""
    if element is None:
        return None
    return element.find("/".join(f"{{*}}{name}" for name in path.split("/")))


def all_at(element: etree._Element | None, path: str) -> list[etree._Element]:
    """Give every element at a path of local names."""
    if element is None:
        return []
    return element.findall("/".join(f"{{*}}{name}" for name in path.split("/")))


def cents_at(element: etree._Element | None, path: str) -> int | None:
    """Give the amount at a path in cents; raises `MalformedMessage` where it is no amount in whole cents."""
    text = text_at(element, path)
    return None if text is None else cents(text)


def cents(text: str) -> int:
    """Turn `1234.5` into cents; raises `MalformedMessage`."""
    try:
        amount = Decimal(text) * 100 if _AMOUNT.fullmatch(text) else None
    except InvalidOperation:
        amount = None
    if amount is None or amount != int(amount):
        raise MalformedMessage("Een bedrag in het bericht is geen bedrag in hele centen.")
    return int(amount)


def count_at(element: etree._Element | None, path: str) -> int | None:
    """Give the whole number at a path."""
    text = text_at(element, path)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise MalformedMessage("Een aantal in het bericht is geen aantal.")
    return int(text)


def date_at(element: etree._Element | None, path: str) -> date | None:
    """Give the date at a path, written as a date or as a date and time."""
    text = text_at(element, f"{path}/Dt") or text_at(element, f"{path}/DtTm")
    if text is None:
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise MalformedMessage("Een datum in het bericht is geen datum.") from None


def code_at(element: etree._Element | None, path: str) -> str | None:
    """Give the code at a path: ISO's own (`Cd`) or the bank's (`Prtry`), at most 35 characters."""
    code = text_at(element, f"{path}/Cd") or text_at(element, f"{path}/Prtry")
    return code[:35] if code else None
