"""What is said about a derivation: a line for each judged relation, and the report of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from derive.judge import Counterexample

VERDICTS = ("proved", "agrees", "refuted", "undecided", "unreadable", "definition")
SLIPS = ("sign", "factor", "transpose", "order", "time", "symbol", "bar", "term", "argument", "inverse", "shape", "value")
HOLDS = ("proved", "agrees", "definition")


WORST = ("refuted", "unreadable", "undecided", "definition", "agrees", "proved")  # of several verdicts the first counts


@dataclass(frozen=True)
class Slip:
    """The mistake that was made: its kind, the relation as it would be right, in the person's own notation, and words."""

    kind: str
    corrected: str
    words: str = ""


@dataclass(frozen=True)
class Line:
    """One judged relation. `display` is the number of the displayed formula, None for inline mathematics."""

    n: int
    display: int | None
    tex: str
    verdict: str
    reason: str
    expected: str | None = None
    slip: Slip | None = None
    counterexample: Counterexample | None = None
    follows: int | None = None  # it is what line n would give, were that right
    bound: str | None = None


@dataclass
class Report:
    """The lines in reading order."""

    lines: list[Line] = field(default_factory=list)
    title: str = ""
    notes: list[str] = field(default_factory=list)  # on the scope
    writer: ClassVar[Callable[[Report], str] | None] = None  # set by derive.check
    page: ClassVar[Callable[..., str] | None] = None

    @property
    def first_wrong(self) -> int | None:
        """The number of the first line that is refuted."""
        return next((line.n for line in self.lines if line.verdict == "refuted"), None)

    @property
    def summary(self) -> dict[str, int]:
        return {v: sum(line.verdict == v for line in self.lines) for v in VERDICTS}

    def to_json(self) -> dict[str, Any]:
        """The object that `derive check --json` prints."""
        found = {"lines": [_line(line) for line in self.lines], "first_wrong": self.first_wrong, "summary": self.summary}
        return {**found, "notes": self.notes} if self.notes else found

    def __str__(self) -> str:
        write = type(self).writer
        return write(self) if write is not None else object.__repr__(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        write = type(self).page
        return write(self, "html", embedded=True) if write is not None else ""


def _line(line: Line) -> dict[str, Any]:
    c = line.counterexample
    return {
        "n": line.n, "display": line.display, "tex": line.tex, "verdict": line.verdict, "reason": line.reason, "expected": line.expected,
        "slip": None if line.slip is None else {"kind": line.slip.kind, "corrected": line.slip.corrected},
        "counterexample": None if c is None else {
            "sizes": {**c.sizes, **c.times}, "values": c.values, "left": c.left, "right": c.right,
            "parts": [{"place": p, "left": a, "right": b} for p, a, b in c.parts],
        },
        "follows": line.follows, "bound": line.bound,
    }  # fmt: skip
