"""What a picture says of itself, where programs look for it: title and subject of a pdf, a svg, a png and a page."""

from __future__ import annotations

import re
import struct
import zlib
from html import escape

from lpbench.errors import LpbenchError


def titled(kind: str, content: bytes, title: str, about: str) -> bytes:
    """The content of a file of a kind (`pdf`, `svg`, `png`, `html`) with a title and what it is about."""
    return {"pdf": _pdf, "svg": _svg, "png": _png, "html": _html}[kind](content, title, about)


def _pdf(content: bytes, title: str, about: str) -> bytes:
    """An update at the end, as PDF has them (ISO 32000-1, 7.5.6): another dictionary of information."""
    trailer = re.findall(rb"trailer\s*<<(.*?)>>\s*startxref\s*(\d+)\s*%%EOF", content, re.DOTALL)
    info = re.search(rb"/Info (\d+) (\d+) R", trailer[-1][0]) if trailer else None
    if info is None:
        raise LpbenchError("the browser wrote a pdf without a trailer of its own")
    number, generation = (int(part) for part in info.groups())
    entries, before = trailer[-1]
    head = f"{number} {generation} obj\n"
    said = f"{head}<</Title {_string(title)} /Subject {_string(about)} /Creator (lpbench)>>\nendobj\n"
    at = len(content) + 1
    table = f"xref\n{number} 1\n{at:010d} {generation:05d} n \n"
    end = (
        f"trailer\n<<{entries.decode('latin-1')} /Prev {int(before)}>>\nstartxref\n{at + len(said)}\n%%EOF\n"
    )
    return content + b"\n" + (said + table + end).encode("latin-1")


def _string(text: str) -> str:
    """A text as PDF writes it: UTF-16 in hexadecimal digits."""
    return f"<FEFF{text.encode('utf-16-be').hex().upper()}>"


def _svg(content: bytes, title: str, about: str) -> bytes:
    said = f"<title>{escape(title)}</title><desc>{escape(about)}</desc>"
    return re.sub(rb"<svg[^>]*>", lambda found: found[0] + said.encode(), content, count=1)


def _png(content: bytes, title: str, about: str) -> bytes:
    """Two chunks of text behind the header (PNG, 11.3.4.5)."""
    head = 8 + 25  # the signature, and IHDR
    return content[:head] + _chunk("Title", title) + _chunk("Description", about) + content[head:]


def _chunk(key: str, text: str) -> bytes:
    body = b"iTXt" + key.encode() + bytes(5) + text.encode()
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


def _html(content: bytes, title: str, about: str) -> bytes:
    said = f'<title>{escape(title)}</title><meta name="description" content="{escape(about)}">'
    return content.replace(b"<head>", b"<head>" + said.encode(), 1)
