"""Hand derivations: a verdict on every relation, the first wrong one, the slip, a counterexample."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from derive.check.checker import Checker, check_text
from derive.check.lines import Line, Report, Slip
from derive.check.pages import page
from derive.check.settings import parts, read_settings
from derive.check.text import show
from derive.network import Network
from derive.reader.document import MOST_BYTES, decode, read_text


def check_file(hand: str | Path, network: Network | None = None, scope: Path | None = None) -> Report:
    """The report on a file, or on standard input for "-". Raises DeriveError with the file and what is wrong with it."""
    settings = read_settings(scope) if scope is not None else {}
    pieces = parts(settings, str(scope or "scope"), scope.parent if scope is not None else None, network)
    name = str(hand)
    text = decode(_standard_input(), "standard input") if name == "-" else read_text(Path(name))
    report = Checker(pieces).text(text, True if name.endswith(".tex") else None)
    report.title = "" if name == "-" else Path(name).name
    return report


def _standard_input() -> bytes:
    stream = getattr(sys.stdin, "buffer", None)
    return stream.read(MOST_BYTES + 1) if stream is not None else sys.stdin.read(MOST_BYTES + 1).encode("utf-8")


def check(network: Network, text: str, scope: Mapping[str, Any] | str | Path | None = None) -> Report:
    """A line or a text, marked in a network. scope: a scope file, or its tables."""
    if isinstance(scope, str | Path):
        path = Path(scope)
        return Checker(parts(read_settings(path), str(path), path.parent, network)).text(text)
    return check_text(text, network, scope)


Report.writer = staticmethod(show)
Report.page = staticmethod(page)
Network.checker = staticmethod(check)

__all__ = ["Checker", "Line", "Report", "Slip", "check_file", "check_text"]
