"""A document, statement by statement: what each relation claims, and the judge's verdict on it."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from derive.check import (
    assumptions,
    called,
    engine,
    numbers,
    samples,
    scalars,
    signals,
    slips,
    spelled,
    stages,
    stationary,
    targets,
    unequal,
)
from derive.check.define import average, define, defines, naming, steps
from derive.check.lines import Line, Report, Slip
from derive.check.readings import differentials, readings
from derive.check.settings import Part, parts
from derive.expr import DeriveError, Expr, Jac, Opaque, ShapeError, Var, at_time, rebuild, show_shape, time_indices, var, zeros
from derive.judge import Court, Verdict
from derive.judge.case import FARTHEST
from derive.judge.contraction import COST, Guard
from derive.network import Network
from derive.ops import diag
from derive.reader import arrays, bigs, braces, calls, derivatives, names, windows
from derive.reader.document import Formula, read_document
from derive.reader.meaning import Filler, Meaning, Reading
from derive.reader.scope import LOSSES, Scope, Template, flat
from derive.reader.statements import Broken, Chain, Link, statements
from derive.reader.syntax import (
    Big,
    Commas,
    Differential,
    Dots,
    Fence,
    Fraction,
    Nabla,
    Node,
    Number,
    Product,
    Relation,
    Rows,
    Scripted,
    Sum,
    Symbol,
    unscripted,
    walk,
)
from derive.reader.tokens import IF, Unreadable
from derive.reader.values import Value, added, is_row_shape, scale, slim, stacked, together, transposed
from derive.system import System

_LAYER = re.compile(
    r"(?P<open>\^\{?[\[(]|_\{|\^\{)\s*(?P<letter>[lL])\s*(?P<shift>[+-]\s*\d)?\s*(?P<close>[\])}])|\^\s*(?P<bare>[lL])(?![A-Za-z])"
)
_SUPPOSED = re.compile(
    rf"(\b({'|'.join(w for w in IF if w.isascii())}|case|cases|assume|suppose|let)\b|{'|'.join(w for w in IF if not w.isascii())})[^.。]*$",
    re.IGNORECASE,
)
_CASE = re.compile(r"(\b(in|for|consider)\b[^.]*\bcase|^\W*case|\n\W*(case|when|if|for))\b[^.\n]*$", re.IGNORECASE)
_WHEN = re.compile(
    r"\b(if|when|whenever|iff|unless|until|suppose|assume|assuming|let|such that|so that)( that| and only if)?[\s$({\\]*$",
    re.IGNORECASE,
)
_FOR = re.compile(
    r"[\s$\\\])]*(for (every|all|any|each)( other)?( \w+)?|for|when|whenever|if|where)\s+"
    r"(\$|\\\()(?P<tex>[^$\\]*\\neq?[^$\\]*|[^$\\=]*[≠=][^$\\]*)(\$|\\\))"
)
_OTHER_THAN = re.compile(
    r"[\s$\\)]*((is )?(different|distinct) (to|from|than)|other than|not equal to)\s+(\$|\\\()(?P<tex>\\?[a-zA-Z]+)(\$|\\\))"
)
_LAST = re.compile(r"\\?[a-zA-Z]+\s*$")
_CONVENTION = re.compile(r"summation convention|einstein|implied sum|sum(med|ming)? over repeated|repeated ind", re.IGNORECASE)
_WORST = ("refuted", "unreadable", "undecided", "definition", "agrees", "proved")
GIVEN = "a number that is given"
_LET = re.compile(r"\b(let|given|suppose|consider|imagine|assume|say|example)\b[^.]*$", re.IGNORECASE)
_ANOTHER = re.compile(
    r"\b(instead|replac\w+|alternativ\w+|another|different|chang(e|ing)|switch\w*|new)\b[^.]{0,60}\b(cost|loss|objective)\b"
    r"|\b(cost|loss|objective)\b[^.]{0,60}\binstead\b",
    re.IGNORECASE,
)
_AT = re.compile(r"[\s$\\\])]*(处|處|时|時|の時|のとき|일 때)")  # H = 0 处: where it is so
CASED = 8  # displays after the first of a case
ASIDE = 3  # lines that an example with letters of its own may have
SLIPS = 5.0  # seconds for the slips of a document
POT = 1.5  # seconds for the slips of a formula
REST = 0.3  # seconds of a relation that are kept for its counterexample
LATEST = 8  # lines after which a definition explains nothing of an earlier one
BUDGET = 5.0  # seconds for one claim, within what is left for its relation
LIMIT = 1.7  # seconds for one relation, with everything that is said of it
ALL = 120.0  # seconds for a document; what comes later is not judged
MOST_LINES = 2_000


@dataclass(frozen=True)
class Claim:
    """The two sides of a relation as expressions of one shape, in the reading that was taken."""

    left: Expr
    right: Expr
    reading: Reading
    notes: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()  # letters that nothing explains, read as any number


class Unlike(ShapeError):
    """Two sides that are fine by themselves and of different shapes, with their numbers of axes."""

    def __init__(self, message: str, left: int, right: int):
        self.ranks = left, right
        super().__init__(message)


@dataclass
class Wrong:
    """A line that is false: later lines may follow from it."""

    n: int
    name: Expr
    value: Expr


class Limited(Guard):
    """A guard that gives no computation more time than the relation at hand has left."""

    def __init__(self, left: Callable[[], float]):
        self.seconds = left
        super().__init__()

    def reset(self, seconds: float, cost: int = COST) -> None:
        super().reset(min(seconds, self.seconds()), cost)


class Checker:
    """Judges the relations of a text in the networks of its parts."""

    def __init__(self, pieces: list[Part], explain: bool = True):
        self.pieces, self.explain = [scalars.by_numbers(part) for part in pieces], explain
        self.slip_seconds = SLIPS  # what is left
        self.pot, self.following = POT, 0  # the same, of one formula; its relations that are still to come
        self.seconds = ALL  # the same, for everything
        self.short = False  # whether readings of this relation were left out for want of time
        self.faults: list[Exception] = []  # that no rule foresaw
        self.courts: dict[int, Court] = {}
        self.special: dict[tuple[int, str], System] = {}  # networks in which an input has a form of its own
        self.lines: list[Line] = []
        self.waiting: list[tuple[int, Link, Part]] = []  # unread lines, which a definition may yet explain
        self.wrong: list[Wrong] = []
        self.part = self.pieces[0]
        self.chain = Chain()
        self.before = self.after = ""  # the words around a formula
        self.differentiated: dict[Var, int] = {}  # by which inputs derivatives were taken, and how many lines stood before that
        self.equal: dict[unequal.Pair, int] = {}  # derivatives by the entry of the same index, and how many lines stood before
        self.solved = -stationary.LATEST  # the last line that set a derivative to zero
        self.lone = Chain()  # through inline formulas that have lines of their own
        self.heading = False  # whether a formula is a heading by itself
        self.staged: dict[Any, Scope | None] = {}  # scopes in which the document's stages are quantities
        self.earlier = ""  # the words of the last lines
        self.example: tuple[int, set[str]] = (-ASIDE - 1, set())  # the line of the last one, and its letters
        self.condition: tuple[tuple[Relation, ...], str] | None = None  # "If i ≠ j:" in the words before
        self.unrolled: tuple[int, int] | None = None  # (a T that the document takes, how many lines stood before)
        self.stating: Formula | None = None  # the formula that said it
        self.conditioned: int | None = None  # the display for which it is said
        self.cased = 0  # how many displays after that one it is said of, too: "1) i = k:"

    # -- documents ------------------------------------------------------------------------------------------

    def text(self, text: str, latex: bool | None = None) -> Report:
        """The report on a document. Raises DeriveError where it can't be used as a whole."""
        document = read_document(text, latex)
        spelled.verify(self.pieces, " ".join(formula.tex for formula in document.formulas))
        starts, end, last = self._starts(text), 0, 0
        if re.search(r"\\sum(?![a-zA-Z])|∑|Σ_", text) and not _CONVENTION.search(text):
            for part in self.pieces:
                part.scope.implied = False
        for part in self.pieces:
            part.scope.summing = _CONVENTION.search(text) is not None
        for formula in document.formulas:
            part = self.pieces[max((k for k, at in starts if at < formula.end), default=0)]
            self.before = document.text[max(0, formula.start - 200) : formula.start]
            self.earlier = document.text[max(0, formula.start - 500) : formula.start]
            self.after = document.text[formula.end : formula.end + 80]
            assumptions.ended(self, part, document.text[end : formula.start])
            end = formula.end
            if part is not self.part:
                self.part, self.chain, self.wrong, self.condition = part, Chain(), [], None
            if formula.display is None:
                assumptions.symmetric(self, formula, document.text)
                held, alone = self.chain, _alone(document.text, formula)
                self.chain = self.lone if alone else Chain()
                if alone and "\n#" in document.text[last : formula.start]:
                    self.condition = None
                self.heading = alone is not None and (alone.startswith("#") or self.after.lstrip("$ )").startswith(":"))
                self._formula(formula, document.words)
                self.chain, self.heading, last = held, False, formula.end
            else:
                self._formula(formula, document.words)
        return Report(self.lines)

    def _starts(self, text: str) -> list[tuple[int, int]]:
        """(part, place) of the parts that a text holds, in order."""
        found, at = [(0, -1)], 0
        for k, part in enumerate(self.pieces):
            if not part.start:
                continue
            where = text.find(part.start, at)
            if where < 0:
                raise DeriveError(f"the scope's part {part.start!r} begins nowhere in the document, after the part before it")
            found.append((k, where))
            at = where + 1
        return found

    def _formula(self, formula: Formula, words: set[str]) -> None:
        """The lines of a formula. What no rule foresees ends this formula, and not the document."""
        try:
            self._statements(formula, words)
        except Exception as error:
            if len(self.lines) >= MOST_LINES:
                raise
            self.faults += [] if isinstance(error, DeriveError) else [error]
            why = str(error) if isinstance(error, DeriveError) else type(error).__name__
            self._add(formula, formula.tex[:80], "undecided", f"beyond what can be read: {why}")

    def _statements(self, formula: Formula, words: set[str]) -> None:
        if formula.display is not None and self.condition is not None:
            if self.conditioned is None:
                self.conditioned = formula.display
            if not 0 <= formula.display - self.conditioned <= self.cased:
                self.condition = None
        tex = formula.tex
        for pattern, target in self.part.macros:
            tex = pattern.sub(lambda _, target=target: target, tex)  # type: ignore[misc]
        found = statements(tex, [*self.part.scope.words, *words], self.chain)
        if formula.display is None and (said := _OTHER_THAN.match(self.after)) is not None and (last := _LAST.search(tex)) is not None:
            apart = statements(rf"{last[0]} \neq {said['tex']}", self.part.scope.words, Chain())
            if len(apart) == 1 and isinstance(apart[0], Link) and index_condition(self.part.scope, apart[0]):
                self._conditional(formula, apart[0], 1)  # ω different from o
                return
        self.pot, self.following = POT, len(found)
        for s in found:
            self.following -= 1
            if self.following == 0 and isinstance(s, Link) and s.op == "=" and (said := self._said_after(formula)) is not None:
                s = replace(s, conditions=(*s.conditions, said))
            if len(self.lines) >= MOST_LINES:
                raise DeriveError(f"more than {MOST_LINES} relations in one document")
            if isinstance(s, Broken):
                self._add(formula, s.tex, "unreadable", f"{s.error} (column {s.error.column})")
            elif s.op == "∈":
                self._membership(s)
            elif (formula.display is None or flat(s.left) in self.part.scope.last) and index_range(self.part.scope, s):
                if flat(s.left) in self.part.scope.last and isinstance(s.right, Number) and s.right.text.isdigit():
                    self.unrolled = int(s.right.text), len(self.lines)
                continue
            elif index_condition(self.part.scope, s):
                if formula.display is not None or self.heading or _SUPPOSED.search(self.before[-80:]):
                    self._conditional(formula, s, len(found))
            elif s.op in ("=", "≈"):
                self.lines.append(self.relation(s, formula.display))
                self._again(s)

    def _conditional(self, formula: Formula, said: Link, count: int) -> None:
        """Remember a condition on indices, for the next display or for those of a case."""
        others = self.condition[0] if self.condition is not None and self.stating is formula else ()
        self.condition, self.conditioned = ((*others, _stated(said)), said.source), formula.display
        if count == 1 and _SUPPOSED.search(self.before[-80:]):
            self.conditioned = None  # If $$k = y_i$$, of the display that follows
        lasting = self.heading or _CASE.search(self.before[-80:]) is not None
        self.stating, self.cased = formula, CASED if lasting else 0

    def _said_after(self, formula: Formula) -> Relation | None:
        """The condition on indices in the words after a formula: "y_w = 0 for every w ≠ o"."""
        found = _FOR.match(self.after) if not formula.tex.rstrip().endswith(".") else None
        said = statements(found["tex"], self.part.scope.words, Chain()) if found else []
        if len(said) != 1 or not isinstance(said[0], Link) or not index_condition(self.part.scope, said[0]):
            return None
        return Relation(tuple(replace(n, start=0, end=0) for n in (said[0].left, said[0].right)), (said[0].op,))

    def _again(self, link: Link) -> None:
        """Lines that used a name before it was said what it is: "= PX, where P = …"."""
        line = self.lines[-1]
        if line.verdict in ("proved", "agrees"):
            unequal.remember(self, link)
        elif line.verdict in ("unreadable", "refuted"):
            self.waiting = [*self.waiting[-LATEST:], (line.n, link, self.part)]
        elif line.verdict == "definition" and line.reason != assumptions.SAID:
            for n, earlier, part in list(self.waiting):
                if line.reason == GIVEN and not (numbers.is_numeric(earlier.left) or numbers.is_numeric(earlier.right)):
                    continue  # x = 1, said later, doesn't make what was said before of any x a special case
                used = any(n == link.left for side in (earlier.left, earlier.right) for n in walk(side))
                if part is self.part and line.n - n <= LATEST and (used or self.lines[n - 1].verdict == "unreadable"):
                    judged = self.relation(earlier, self.lines[n - 1].display)
                    was = self.lines[n - 1].verdict
                    if judged.verdict not in ("unreadable", "definition", was) and not (
                        was == "refuted" and judged.verdict == "undecided"
                    ):
                        self.lines[n - 1] = replace(judged, n=n)

    def reconsider(self) -> None:
        """The last line once more, after words that follow it: "= 2Aw for symmetric A"."""
        if self.waiting and self.waiting[-1][0] == len(self.lines) and self.lines[-1].verdict == "refuted":
            judged = self.relation(self.waiting[-1][1], self.lines[-1].display)
            if judged.verdict in ("proved", "agrees"):
                self.lines[-1] = replace(judged, n=len(self.lines))

    def _add(self, formula: Formula, tex: str, verdict: str, reason: str) -> None:
        self.lines.append(Line(len(self.lines) + 1, formula.display, " ".join(tex.split()), verdict, reason))

    def _membership(self, link: Link) -> None:
        """x ∈ R^n declares a name that nothing else gives."""
        from derive.check.define import declared

        declared(self.part.scope, link)

    # -- one relation ---------------------------------------------------------------------------------------

    def relation(self, link: Link, display: int | None = None) -> Line:
        """The line for one relation; whatever happens, it ends in a verdict."""
        line = Line(len(self.lines) + 1, display, " ".join(link.tex.split()), "undecided", "")
        if self.seconds < 0:
            return replace(line, reason=f"not judged: the document took more than {ALL:.0f} seconds")
        started = time.process_time()
        self.part.scope.until = started + LIMIT
        self.short = False
        try:
            judged = self._line(link, line)
            if judged.verdict == "refuted" and self.short:
                return replace(line, reason="no time to try every reading; in the usual one it doesn't hold")
            return judged
        except Exception as error:  # what no rule foresees: the other lines are judged all the same
            self.faults.append(error)
            return replace(line, reason=f"beyond what can be computed: {type(error).__name__}")
        finally:
            self.seconds -= time.process_time() - started
            self.part.scope.until = math.inf

    def _line(self, link: Link, line: Line) -> Line:
        started = time.monotonic()
        if link.lower is not None:  # ±: both of the relations that it is
            upper, lower = (self._line(one, line) for one in (replace(link, lower=None), link.lower))
            worse, which = min((upper, "upper"), (lower, "lower"), key=lambda pair: _WORST.index(pair[0].verdict))
            same = upper.verdict == lower.verdict
            return worse if same else replace(worse, reason=f"{worse.reason}, with the {which} signs")
        try:
            judged = self._relation(link, line, started)
            if judged.verdict in ("proved", "agrees") and link.op == "=":
                stages.says_more(self.part.scope, link)
            if judged.verdict == "undecided" and stages.lost(judged.reason):
                return self._by_stages(link, line, started) or judged
            if judged.verdict != "unreadable":
                return judged
            return self._for_layers(link, line) or self._picture(link, line) or judged
        except Unreadable as error:
            layered = self._for_layers(link, line)
            if layered is not None:
                return layered
            if (picture := self._picture(link, line)) is not None:
                return picture
            return replace(line, verdict="unreadable", reason=f"{error} (column {error.column})")
        except ShapeError as error:
            return replace(line, verdict="undecided", reason=str(error))
        except DeriveError as error:
            return replace(line, verdict="undecided", reason=str(error))
        except (RecursionError, MemoryError, ArithmeticError) as error:
            return replace(line, verdict="undecided", reason=f"beyond what can be computed: {type(error).__name__}")

    def _another_loss(self, claim: Claim) -> None:
        """The network with the loss that the document has instead, from here on."""
        scope = self.part.scope
        assert scope.system is not None
        equations = tuple(replace(e, right=claim.right) if e.left is claim.left else e for e in scope.system.equations)
        scope.system = replace(scope.system, equations=equations)

    def _picture(self, link: Link, line: Line) -> Line | None:
        return (
            replace(line, verdict="definition", reason="a picture of what is known") if pictured(self.part.scope, link) else None
        )

    def _by_stages(self, link: Link, line: Line, started: float) -> Line | None:
        """The verdict where the names that the document gives formulas are quantities of the network."""
        part = stages.part(self)
        if part is None:
            return None
        saved, self.part = self.part, part
        try:
            judged = self._relation(link, line, started)
            says = any(self.says(claim) for claim in self.claims(link)[0])
        except DeriveError:
            return None
        finally:
            self.part = saved
        return judged if judged.verdict in ("proved", "agrees", "refuted") and says else None

    def _for_layers(self, link: Link, line: Line) -> Line | None:
        """Z^{[l]} = W^{[l]} A^{[l-1]} + b^{[l]} in a network whose layers have numbers: judged at each of them."""
        letters = {found["letter"] or found["bare"] for found in _LAYER.finditer(link.tex)}
        if not letters:
            return None
        tags = {n.tag for found in self.part.scope.names.values() for n in found if n.tag.isdigit() and len(n.tag) < 3}
        last = max(map(int, tags), default=0)
        verdicts: list[Line] = []
        layers = []
        shifts = [int((found["shift"] or "0").replace(" ", "")) for found in _LAYER.finditer(link.tex) if found["letter"] == "l"]
        for k in sorted(map(int, tags)) if "l" in letters else [last] if last else []:
            if k + max(shifts, default=0) > last:
                continue  # there is no layer l + 1 after the last one
            tex = _LAYER.sub(lambda found, k=k: _layer(found, k, last), link.tex)  # type: ignore[misc]
            tex = re.sub(r"\\nabla_(\{?)(\w)\1?(?![\w^}])", rf"\\nabla_{{\2^{{({last})}}}}", tex)  # ∇_a C beside z^L is by a^L
            for s in statements(tex, self.part.scope.words, Chain()):
                if isinstance(s, Link):
                    try:
                        judged = self._relation(s, line, time.monotonic())
                        if judged.verdict != "unreadable":
                            verdicts.append(judged)
                            layers.append(k)
                    except ShapeError as error:
                        verdicts.append(replace(line, verdict="refuted", reason=str(error)))
                        layers.append(k)
                    except DeriveError:
                        continue
        if not verdicts:
            return None
        worst = min(verdicts, key=lambda v: _WORST.index(v.verdict))
        return replace(worst, reason=f"{worst.reason}; for the layers {', '.join(map(str, dict.fromkeys(layers)))}", slip=None)

    def court(self) -> Court:
        system = self.part.scope.system
        if id(system) not in self.courts:
            court = self.courts[id(system)] = Court(system)
            court.bench.guard = Limited(self.left)
        return self.courts[id(system)]

    def left(self) -> float:
        """The seconds that are left for the relation at hand."""
        return max(0.0, self.part.scope.until - time.process_time())

    def _relation(self, link: Link, line: Line, started: float) -> Line:
        scope = self.part.scope
        if link.op == "=" and _sized(scope, link):
            return replace(line, verdict="definition", reason="a size")
        if link.op == "=" and (what := called.named(scope, link)) is not None:
            return replace(line, verdict="definition", reason=what)
        written, link = link, called.put_in(scope, link)
        if link.op == "=" and (held := self._signal(link, line)) is not None:
            return held
        if link.op == "=" and steps(scope, link):
            return replace(line, verdict="definition", reason="an update of a quantity")
        if link.op == "=" and defines(scope, link):
            return replace(line, verdict="definition", reason=define(self, link))
        if link.op == "=" and average(self, link):
            return replace(line, verdict="definition", reason="a mean, which a bar over this letter is from here on")
        if link.op == "=" and (named := naming(scope, link)) is not None:
            return replace(line, verdict="definition", reason=define(self, named))
        if self._takes_number(link):
            return replace(line, verdict="definition", reason=GIVEN)
        if link.op == "=" and in_numbers(self, link):
            return replace(line, verdict="definition", reason="numbers of an example, for which nothing is given")
        counted = self._numbers(link, line)
        if counted is not None:
            return counted
        if link.op == "=" and (solution := self._solution(link, line, started)) is not None:
            return solution
        if link.op == "=" and (said := assumptions.assumed(self, link)) is not None:
            return replace(line, verdict="definition", reason=said)
        if cases := samples.cases(scope, link):
            return min((self._relation(case, line, started) for case in cases), key=lambda judged: _WORST.index(judged.verdict))
        claims, errors = self.claims(link)
        display = line.display
        if not claims:
            return (
                self._in_special_case(link, line) or self._entry_by_entry(link, line, errors) or self._unfit(written, line, errors)
            )
        first: tuple[Claim, Verdict] | None = None
        for claim in claims:
            verdict = self.decide(claim, quick=first is not None)
            if verdict is None:
                continue
            if verdict.holds:
                self._differentiated(claim)
                scope.summing = scope.summing or (claim.reading.repeated and claim is not claims[0])
                return replace(
                    line, verdict=verdict.verdict, reason=_reason(verdict, claim, self.usual(link)), bound=verdict.bound
                )
            if first is None or (first[1].verdict == "refuted" and verdict.verdict == "undecided"):
                first = claim, verdict
        assert first is not None
        claim, verdict = first
        if verdict.verdict == "refuted" and claim.strangers and loss_by_another_name(self.part.scope, link):
            return replace(line, verdict="definition", reason=define(self, link))
        if verdict.verdict == "refuted" and claim.strangers and (held := self._for_targets(claims, line)) is not None:
            return held
        if claim.strangers and verdict.verdict != "undecided":
            return replace(
                line,
                verdict="unreadable",
                reason=f"unknown name {', '.join(claim.strangers)}: as any number the line doesn't hold",
            )
        if verdict.verdict == "refuted" and (held := self._at_its_instant(claims, line)) is not None:
            return held
        if verdict.verdict == "refuted" and not link.conditions and (held := self._as_said_before(link, line)) is not None:
            return held
        if verdict.verdict == "refuted" and not link.conditions and (held := unequal.judged(self, link, line)) is not None:
            return held
        if verdict.verdict != "undecided" and (held := self._under_conditions(claims, line)) is not None:
            return held
        if verdict.verdict == "refuted" and loss_by_another_name(self.part.scope, link):
            return replace(line, verdict="definition", reason=define(self, link))
        instead = link.op == "=" and claim.left is scope.loss and _ANOTHER.search(self.earlier) is not None
        if verdict.verdict == "refuted" and instead and isinstance(claim.left, Var):
            self._another_loss(claim)  # "Changing the cost: cross-entropy"
            return replace(line, verdict="definition", reason="another loss, of which the derivatives are from here on")
        if verdict.verdict == "refuted" and (held := self._in_special_case(link, line)) is not None:
            return held
        if verdict.verdict == "refuted" and (held := self._unrolled(claims, line)) is not None:
            return held
        if verdict.verdict == "refuted" and self.part.values and (held := self._rounded(link, line)) is not None:
            return held
        if verdict.verdict == "refuted" and (held := self._where_stationary(claims, line)) is not None:
            return held
        if verdict.verdict == "refuted" and display is None and (_WHEN.search(self.before) or _AT.match(self.after)):
            return replace(line, verdict="definition", reason="a condition that the words before it make")
        if verdict.verdict == "refuted" and self._without_numbers(link, claim):
            return replace(line, verdict="undecided", reason="a number, where no numbers are given")
        if verdict.verdict == "refuted":
            approximate = self._approximation(link, line)
            if approximate is not None:
                return approximate
            return self._refuted(written, line, claim, verdict, started)
        return replace(line, verdict=verdict.verdict, reason=verdict.reason)

    def _signal(self, link: Link, line: Line) -> Line | None:
        """δ^{(l)} = …: the verdict where it is the adjoint of a quantity with these scripts, which settles what every δ is.

        Where it is the adjoint of none, it is read as the first of them if it must be one, and else as a definition.
        """
        scope = self.part.scope
        node = signals.signal(scope, link)
        families = list(signals.meanings(scope, link, node)) if node is not None else []
        settled, opposite = scope.errors, False
        for key in families:
            scope.errors = key
            for claim in self.claims(link)[0]:
                verdict = self.decide(claim, quick=True)
                if verdict is not None and verdict.holds:
                    if node is not None and signals.by_index(scope, link, node, key):
                        scope.errors = settled
                    return replace(
                        line, verdict=verdict.verdict, reason=_reason(verdict, claim, claim.reading), bound=verdict.bound
                    )
                opposite = opposite or self.holds_for_targets(-claim.left, claim.right)
        scope.errors = settled
        if node is None or not families or settled is not None or signals.by_derivative(link.right):
            return None
        stands = scope.delta == "error" or (signals.layered(node) and not opposite)
        if stands and not signals.by_index(scope, link, node, families[0]):
            scope.errors = families[0]
        return None

    def _under_conditions(self, claims: list[Claim], line: Line) -> Line | None:
        """A line that holds where computed quantities have the values that the problem says: z_1 = -1."""
        held = self._for_targets(claims, line)
        if held is not None:
            return held
        forced = self._forced()
        if not forced:
            return None
        said = ", ".join(f"{v} = {value}" for v, value in forced.items())
        zero = any(_is_zero(claim.left) or _is_zero(claim.right) or claim.left.shape == () for claim in claims[:1])
        for claim in claims:
            if numbers.at_conditions(self.court(), claim.left, claim.right, forced, zero):
                return replace(line, verdict="agrees", reason=f"where {said}", bound="1e-9, relative, in 8 points")
        return None

    def _unrolled(self, claims: list[Claim], line: Line) -> Line | None:
        """L = L_1 + L_2 + L_3 after "for T = 3": a line that holds at this T, and speaks of no other."""
        if self.unrolled is None or len(self.lines) - self.unrolled[1] > assumptions.LATEST or self.unrolled[0] > FARTHEST:
            return None
        for claim in claims:
            if claim is not claims[0] and not self.says(claim):
                continue
            verdict = self.court().judge(claim.left, claim.right, budget=BUDGET, explain=False, last=self.unrolled[0])
            if verdict.holds and not claim.strangers:
                return replace(
                    line, verdict=verdict.verdict, reason=f"{verdict.reason}; for T = {self.unrolled[0]}", bound=verdict.bound
                )
        return None

    def _differentiated(self, claim: Claim) -> None:
        """Remember by what a line takes the derivative of the loss."""
        named = claim.left.atoms(Var) | claim.right.atoms(Var)
        self.differentiated |= {v: len(self.lines) for v in self._inputs() if v.adjoint in named}

    def _inputs(self) -> tuple[Var, ...]:
        return self.part.scope.system.declared if self.part.scope.system is not None else ()

    def _solving(self) -> bool:
        return stationary.spoken(self.before) or len(self.lines) - self.solved < stationary.LATEST

    def _where_stationary(self, claims: list[Claim], line: Line) -> Line | None:
        """A line that holds where derivatives are zero, after words that set them to zero or speak of a solution."""
        system, zero = self.part.scope.system, any(_is_zero(e) for claim in claims[:1] for e in (claim.left, claim.right))
        said = zero and stationary.said(self.before)
        bare = system is None or any(stationary.is_condition(claim, system) for claim in claims)
        if bare and not said:
            return None
        by = stationary.multiple(self, claims) if said and not bare else None
        if by is not None:
            self.solved = self.differentiated[by] = len(self.lines)
            return replace(line, verdict="agrees", reason=f"a multiple of the derivative by {by}, which is set to zero")
        if said and bare:
            self.solved = len(self.lines)
            for claim in claims:
                self._differentiated(claim)
            return replace(line, verdict="definition", reason="a condition: something is set to zero")
        found = stationary.judged(self, claims) if said or self._solving() else None
        if found is not None and found[0] == "agrees":
            self.solved = len(self.lines)
            return replace(line, verdict="agrees", reason=found[1], bound="1e-7, relative, in 2 points")
        if found is None and said:
            return replace(line, verdict="undecided", reason="a condition, of which no solution was found")
        return None

    def _solution(self, link: Link, line: Line, started: float) -> Line | None:
        """w = (XᵀX)⁻¹Xᵀy, after words that speak of a solution: the derivative by w is zero there, or it is wrong."""
        if not isinstance(link.left, Symbol | Scripted) or not self._solving():
            return None
        claims = [c for c in self.claims(link)[0] if c.left in self._inputs() and c.right.atoms(Var) and not c.strangers]
        found = stationary.judged(self, claims[:1], claims[0].left) if claims and isinstance(claims[0].left, Var) else None
        if found is None:
            return None
        self.solved = len(self.lines)
        if found[0] == "agrees":
            return replace(line, verdict="agrees", reason=found[1], bound="1e-7, relative, in 2 points")
        return self._refuted(
            link, line, claims[0], Verdict("refuted", f"the derivative by {claims[0].left} is not zero there"), started
        )

    def _in_special_case(self, link: Link, line: Line) -> Line | None:
        found = assumptions.under(self, link) if self.part.cases else None
        return replace(line, verdict=found[0], reason=found[1], bound=found[2]) if found is not None else None

    def _at_its_instant(self, claims: list[Claim], line: Line) -> Line | None:
        """c_1 = tanh(W x_t + …): a formula in t for one instant, which t then is."""
        for claim in claims:
            fixed = {v.time for v in claim.left.atoms(Var) if v.time is not None}
            if len(fixed) != 1 or next(iter(fixed)).base or "t" not in time_indices(claim.right):
                continue
            instant = next(iter(fixed))
            verdict = self.decide(replace(claim, right=at_time(claim.right, "t", instant)))
            if verdict is not None and verdict.holds:
                return replace(line, verdict=verdict.verdict, reason=f"{verdict.reason}; for t = {instant}", bound=verdict.bound)
        return None

    def _as_said_before(self, link: Link, line: Line) -> Line | None:
        """A line that holds under the condition on indices that the words before it gave."""
        if self.condition is None:
            return None
        relations, source = self.condition
        each = (source[r.start : r.end].strip() or f" {r.ops[0]} ".join(flat(p) for p in r.parts) for r in relations)
        return self.where(link, relations, line, f"under the condition said before, {', '.join(each)}")

    def where(self, link: Link, relations: tuple[Relation, ...], line: Line, said: str) -> Line | None:
        """A line that holds where indices are as these relations say."""
        for k, claim in enumerate(self.claims(replace(link, conditions=relations))[0]):
            if not any(n.startswith("for ") for n in claim.notes) or claim.strangers or (k and not self.says(claim)):
                continue
            verdict = self.decide(claim)
            if verdict is not None and verdict.holds:
                return replace(line, verdict=verdict.verdict, reason=f"{verdict.reason}; {said}", bound=verdict.bound)
            if (held := self._for_targets([claim], line)) is not None:
                return replace(held, reason=f"{held.reason}; {said}")
        return None

    def _for_targets(self, claims: list[Claim], line: Line) -> Line | None:
        """A line that holds for targets that are one-hot, where they are said to be, or that sum to one."""
        court = self.court()
        claims = [*claims[:1], *(claim for claim in claims[1:] if self.says(claim))]
        for said, patterns in targets.assumptions(self.part.scope):
            for claim in claims:
                if all(court.judge(claim.left, claim.right, values=p, budget=2.0, explain=False).holds for p in patterns):
                    return replace(line, verdict="agrees", reason=said, bound="2^-120 at the targets tried")
        return None

    def holds_for_targets(self, left: Expr, right: Expr) -> bool:
        """Whether two formulas are one, in general or for the targets that a document assumes."""
        claim = Claim(left, right, Reading())
        verdict = self.decide(claim)
        return (verdict is not None and verdict.holds) or self._for_targets([claim], Line(0, None, "", "", "")) is not None

    def _forced(self) -> dict[Var, Any]:
        """Values that are conditions: of computed quantities, and of some inputs where not all of them have one."""
        system, values = self.part.scope.system, self.part.values
        if system is None:
            return {}
        if not assumptions.numbered(self):
            return assumptions.settings(self)
        forced = {system.by_name[k].left: v for k, v in values.items() if k in system.by_name}
        given = {k.split("[")[0] for k in values} | set(values)
        if not all(k in given for k in system.independent):
            over = {k for k, n in self.part.said.items() if len(self.lines) - n > assumptions.LATEST}
            forced.update({v: values[k] for k, v in system.independent.items() if k in values and k not in over})
        return forced

    def decide(self, claim: Claim, quick: bool = False) -> Verdict | None:
        """The judge's verdict; a further reading only counts where the numbers say that it may hold."""
        court = self.court()
        if quick and self.left() < LIMIT / 2:
            self.short = True
            return None
        if quick and court.quick(claim.left, claim.right) is False and self.part.last is None:
            return None
        verdict = court.judge(claim.left, claim.right, budget=BUDGET, explain=False, last=self.part.last)
        return None if quick and verdict.holds and not self.says(claim) else verdict

    def says(self, claim: Claim) -> bool:
        """Whether a further reading says something: one in which both sides vanish doesn't."""
        return not self._empty(claim) and self.court().quick(claim.left, zeros(claim.left.shape)) is False

    def _empty(self, claim: Claim) -> bool:
        """Whether a derivative in one equation alone vanishes because the equation doesn't hold what it is by."""
        court = self.court()
        found = {n for e in (claim.left, claim.right) for n in e.atoms(Jac) if n.direct and not isinstance(n.top, Opaque)}
        return any(_far(n) or court.quick(n, zeros(n.shape)) is not False for n in found)

    # -- readings -------------------------------------------------------------------------------------------

    def claims(self, link: Link) -> tuple[list[Claim], list[Exception]]:
        """The claims that the readings of a relation make, each once, the usual one first; and why others make none."""
        found: dict[tuple[Expr, Expr], Claim] = {}
        errors: list[Exception] = []
        for reading in readings(self.part.scope, link, self.part.repeated):
            if self.left() < LIMIT / 2 and (found or errors):
                self.short = True
                break
            try:
                claim = self.claim(link, reading)
            except (Unreadable, ShapeError) as error:
                errors.append(error)
                continue
            except DeriveError as error:
                errors.append(error)
                continue
            found.setdefault((claim.left, claim.right), claim)
        return list(found.values()), errors

    def apart(self, link: Link) -> frozenset[frozenset[str]]:
        """The letters that the relation, or the words before it, say to be different."""
        return windows.apart([*link.conditions, *(self.condition[0] if self.condition is not None else ())])

    def usual(self, link: Link) -> Reading:
        """The reading that nothing has to be said about."""
        return next(readings(self.part.scope, link, self.part.repeated))

    def claim(self, link: Link, reading: Reading) -> Claim:
        """The two sides in one reading, with what the document has names for. Raises Unreadable, ShapeError."""
        link = called.put_in(self.part.scope, link)
        if reading.printed:
            link = replace(link, left=braces.printed(link.left), right=braces.printed(link.right))
        m = self.meaning(link, reading)
        if bigs.bare(link.left) or bigs.bare(link.right):
            known = bigs.outside(link.left) | bigs.outside(link.right)
            link = replace(link, left=bigs.indexed(m, link.left, known), right=bigs.indexed(m, link.right, known))
        if reading.differential:
            changing(m, link, reading)
        try:
            return self.sides(m, link, reading)
        except ShapeError as error:
            if m.strangers:  # what is not known can't have a wrong shape
                raise Unreadable(f"unknown name {m.strangers[0]}: as a number it doesn't fit") from error
            raise

    def meaning(self, link: Link, reading: Reading) -> Meaning:
        """What gives the names of a relation their values."""
        m = Meaning(self.part.scope, reading, link.source, free_scalars=True, apart=self.apart(link))
        m.learn(link.left)
        m.learn(link.right)
        dummies(m, link)
        return m

    def sides(self, m: Meaning, link: Link, reading: Reading) -> Claim:
        m.settled_names = {}
        m.outside = frozenset(_labels(m, link.right))
        free = bigs.free(m, link.left, link.right) if reading.repeated else frozenset()
        m.free = free if reading.repeated else None
        raw = bigs.repeated(m, link.left, free) if reading.repeated and isinstance(link.left, Product | Sum) else m.raw(link.left)
        left = raw if isinstance(raw, Filler) else replace(m.settled(raw), chain=raw.chain)
        m.outside = frozenset(left.labels)
        for label in left.labels:
            m.label_sizes.setdefault(label, left.size(label))  # (A⁻¹A)_{ij} = δ_{ij}
        right = bigs.repeated(m, link.right, free | {*left.labels}) if reading.repeated else m.value(link.right)
        if is_row_shape(right.shape) and left.rank == 1 and isinstance(link.right, Fence) and isinstance(link.right.body, Commas):
            right = transposed(right)  # x = (x_1, …, x_d): a list says nothing about rows and columns
        for condition in (*link.conditions, *dict.fromkeys(m.stated)):
            left, right = conditioned(m, left, right, condition)
        return self.matched(m, left, right, reading)

    def matched(self, m: Meaning, left: Value, right: Value, reading: Reading) -> Claim:
        if not isinstance(left, Filler) and not left.labels and not right.rank and left.rank == len(right.labels) > 0:
            right = stacked(right, tuple(right.labels))  # W = (w_{ij}): the matrix of these entries
        if isinstance(left, Filler) or isinstance(right, Filler):
            if isinstance(right, Filler):
                right = right.fill(left.shape, m)
            else:
                left = left.fill(right.shape, m)  # type: ignore[attr-defined]
        diagonal = left.chain is not None and left.chain.top_rank == 1 == left.chain.below_rank
        if left.shape != right.shape and not right.rank and _is_zero(right.expr):
            right = scale(right, left)
        elif left.shape != right.shape and not left.rank and _is_zero(left.expr):
            left = scale(left, right)  # dI = (dX) X⁻¹ + X d(X⁻¹)
        elif (
            diagonal
            and left.rank == 2
            and right.rank == 1
            and left.shape[0] == left.shape[1] == right.shape[0]
            and not right.labels
        ):
            right = Value(diag(right.expr))
            m.notes.append("read as the diagonal of a matrix")
        if reading.added and not left.rank and right.rank:
            right = added(right)
        left, right = together(left, right)
        gradient = any(v.chain is not None and not v.chain.top_rank and v.chain.below_rank == 1 for v in (left, right))
        if left.shape != right.shape and gradient and m.scope.layout == "jacobian" and {left.rank, right.rank} == {1, 2}:
            left, right = (transposed(v) if is_row_shape(v.shape) else v for v in (left, right))
            m.notes.append("up to the layout")
        if left.shape != right.shape and m.scope.vectors == "row" and {len(left.shape), len(right.shape)} == {1, 2}:
            left, right = (transposed(v) if v.rank == 1 else v for v in (left, right))
        if left.shape != right.shape and (
            not left.rank or not right.rank or m.scope.vectors == "row" or is_row_shape(left.shape)
        ):
            thin = slim(left), slim(right)  # R^1 and a number, R^{1 × n} and a row
            left, right = thin if thin[0].shape == thin[1].shape else (left, right)
        if left.shape != right.shape:
            raise Unlike(f"the left side is {_in(left)}, the right one {_in(right)}", left.rank, right.rank)
        return Claim(left.expr, right.expr, reading, tuple(m.notes), tuple(dict.fromkeys(m.strangers)))

    # -- numbers --------------------------------------------------------------------------------------------

    def _takes_number(self, link: Link) -> bool:
        """x = -2 for an input without a number: it is given one."""
        scope = self.part.scope
        if not numbers.is_numeric(link.right) or not isinstance(link.left, Symbol | Scripted) or assumptions.denied(self):
            return False
        found = names.find(Meaning(scope, Reading(), link.source), link.left)
        if found is None or found.bar or found.places or found.exponent is not None or not isinstance(found.expr, Var):
            return False
        v = found.expr
        if (scope.system is not None and v.name in scope.system.by_name and v.key not in scope.system.independent) or (
            v.time is not None and v.time.base
        ):
            return False
        if v.key in self.part.values or v.name in self.part.values:
            return False
        value = self._value(link, link.right, Reading())
        if (
            value is None
            or value.shape != tuple(int(d) if d.is_Integer else n for d, n in zip(v.shape, value.shape, strict=False))
            or len(value.shape) != len(v.shape)
        ):
            return False
        self.part.values[v.key] = value.tolist()
        self.part.said[v.key] = len(self.lines)
        return True

    def _numbers(self, link: Link, line: Line) -> Line | None:
        """A verdict where one side is nothing but numbers: compared in the precision in which they are written."""
        a, b = numbers.is_numeric(link.left), numbers.is_numeric(link.right)
        if not (a or b):
            return None
        reading = Reading(layout="gradient" if self.part.scope.layout == "auto" else self.part.scope.layout)
        left, right = (self._value(link, node, reading) for node in (link.left, link.right))
        if left is None or right is None:
            return None
        if left.shape != right.shape:
            if (right.size == 1 and float(right.ravel()[0]) == 0.0) or left.size == 1:
                left, right = left + 0 * right, right + 0 * left
            else:
                return replace(
                    line, verdict="refuted", reason="the two sides have different shapes", slip=Slip("shape", line.tex)
                )
        slack = max(
            (numbers.units(n, left.shape) for n in (link.left, link.right) if numbers.is_result(n)),
            key=lambda u: float(u.max(initial=0.0)),
            default=0.0,
        )
        for node in (link.left, link.right):
            if numbers.is_numeric(node) and not numbers.is_result(node):
                carried = numbers.carried(node, lambda n: self._value(link, n, reading))
                slack = (slack + carried) * (1 - 1e-6 * (carried > 0))  # 1 - 0.562 is 0.438, and never 0.439
        same = numbers.agree(left, right, slack)
        if same.all():
            how = "the same number" if not slack_of(slack) else "the same in the precision in which it is written"
            return replace(line, verdict="agrees", reason=how)
        return self._wrong_number(link, line, left, right, same)

    def _rounded(self, link: Link, line: Line) -> Line | None:
        """δ_2 = (1 - h_2^2)(-4.754): names and rounded numbers side by side, equal in the precision that these have."""
        reading = Reading(layout="gradient" if self.part.scope.layout == "auto" else self.part.scope.layout)
        try:
            left, right = (self._value(link, n, reading) for n in (link.left, link.right))
            slack = sum(numbers.carried(n, lambda n: self._value(link, n, reading)) for n in (link.left, link.right))
        except DeriveError:
            return None
        if left is None or right is None or left.shape != right.shape or not slack:
            return None
        if not numbers.agree(left, right, slack).all():
            return None
        return replace(line, verdict="agrees", reason="the same in the precision in which it is written")

    def _without_numbers(self, link: Link, claim: Claim) -> bool:
        """z = 0.25 of what the network computes from inputs that have no numbers."""
        system, sides = self.part.scope.system, (link.left, link.right)
        if system is None or self.part.values or not any(numbers.is_numeric(n) for n in sides):
            return False
        decimal = any(isinstance(n, Number) and "." in n.text for side in sides for n in walk(side))
        return decimal and any(v.bar or v.name in system.quantities for e in (claim.left, claim.right) for v in e.atoms(Var))

    def _value(self, link: Link, node: Node, reading: Reading) -> Any:
        """The number, or the array, that a side is; None where the given numbers don't say it."""
        m = Meaning(self.part.scope, reading, link.source, apart=self.apart(link))
        m.learn(link.left)
        m.learn(link.right)
        dummies(m, link)
        v = m.value(node)
        value = numbers.evaluate(self.court(), v.expr, self.part.point) if not v.labels else None
        return value.reshape([n for n in value.shape if n != 1]) if value is not None and value.ndim else value

    def _wrong_number(self, link: Link, line: Line, left: Any, right: Any, same: Any) -> Line:
        shown = numbers.is_numeric(link.right)
        truth = left if shown else right
        off = ", ".join(
            f"entry {tuple(int(i) + 1 for i in at)}: {written:.6g} where it is {true:.6g}"
            for at, written, true in _off(right if shown else left, truth, same)
        )
        reason = f"it is {float(truth):.6g}" if truth.ndim == 0 else off
        sides = [" ".join(link.source[n.start : n.end].split()) for n in (link.left, link.right)]
        sides[1 if shown else 0] = _written(truth, link.right if shown else link.left)
        corrected = " = ".join(sides)
        return replace(
            line,
            verdict="refuted",
            reason=reason,
            expected=_written(truth, link.right if shown else link.left),
            slip=Slip("value", corrected, reason),
        )

    def _approximation(self, link: Link, line: Line) -> Line | None:
        if link.op != "≈":
            return None
        return replace(line, verdict="undecided", reason="an approximation that is no equation")

    # -- wrong lines ----------------------------------------------------------------------------------------

    def _entry_by_entry(self, link: Link, line: Line, errors: list[Exception]) -> Line | None:
        """u (1 - u) of vectors has no other meaning than the product entry by entry: a line that holds so holds."""
        if not any(isinstance(e, ShapeError) for e in errors):
            return None
        claims: dict[tuple[Expr, Expr], Claim] = {}
        for reading in readings(self.part.scope, link, self.part.repeated):
            with suppress(DeriveError):
                claim = self.claim(link, replace(reading, elementwise=True))
                claims.setdefault((claim.left, claim.right), claim)
        known = [claim for claim in claims.values() if not claim.strangers]
        for claim in known:
            verdict = self.decide(claim)
            if verdict is not None and verdict.holds:
                return replace(
                    line, verdict=verdict.verdict, reason=_reason(verdict, claim, self.usual(link)), bound=verdict.bound
                )
        held = self._under_conditions(known, line) if known else None
        return held if held is not None and held.verdict in ("proved", "agrees") else None

    def _unfit(self, link: Link, line: Line, errors: list[Exception]) -> Line:
        """No reading gives two sides of one shape: unreadable, or a formula whose shapes don't fit."""
        misfits = [e for e in errors if isinstance(e, ShapeError)]
        if misfits and (unread := self._unread(link)) is not None:
            return replace(line, verdict="unreadable", reason=f"{unread} (column {unread.column})")
        if misfits and loss_by_another_name(self.part.scope, link):
            return replace(line, verdict="definition", reason=define(self, link))
        if not misfits:
            error = errors[0]
            column = f" (column {error.column})" if isinstance(error, Unreadable) else ""
            return replace(
                line, verdict="unreadable" if isinstance(error, Unreadable) else "undecided", reason=f"{error}{column}"
            )
        if (approximate := self._approximation(link, line)) is not None:
            return approximate
        if self._of_another_kind(link, misfits):
            other = f"another {flat(unscripted(link.left))} than that of the problem may be meant"
            return replace(line, verdict="undecided", reason=f"{misfits[0]}: {other}")
        if self._aside(link):
            return replace(
                line, verdict="undecided", reason=f"the letters may be other ones than those of the problem: {misfits[0]}"
            )
        if not self.part.values and any(_numbered(n) for n in (link.left, link.right)):
            return replace(line, verdict="undecided", reason=f"{misfits[0]}: numbers of an example, for which nothing is given")
        if self._as_entries(link):
            unwritten = "a scalar where the entries are added up, which isn't written"
            return replace(line, verdict="undecided", reason=f"{misfits[0]}: {unwritten}")
        slip = self._slip(link, None) if self.explain else None
        if slip is None and any("R^(" in str(e) and str(e).count(" x ") > 2 for e in misfits):
            return replace(line, verdict="undecided", reason=f"the shapes can't be told apart from notation: {misfits[0]}")
        if self.pot <= 0:  # a chain of such lines: the ones before it have had the time for what is right
            self._remember(link, line)
            return replace(line, verdict="refuted", reason=str(misfits[0]), slip=slip)
        started = time.process_time()
        if slip is None or slip.kind == "shape":
            scalar = slips.scalar_form(self, link)
            words = (
                f"right for scalars, but the shapes don't fit: {misfits[0]}" if scalar else f"the shapes don't fit: {misfits[0]}"
            )
            slip = Slip("shape", slip.corrected if slip is not None else slips.truth(self, link) or "", words)
        self._remember(link, line)
        expected = slips.expected(self, link)
        self.pot -= time.process_time() - started
        return replace(line, verdict="refuted", reason=str(misfits[0]), slip=slip, expected=expected)

    def _unread(self, link: Link) -> Unreadable | None:
        """Why a side can't be read in any reading, where all that is known is that the other doesn't fit by itself in some."""
        for side in (link.left, link.right):
            why: list[Exception] = []
            for reading in readings(self.part.scope, link, self.part.repeated):
                m = self.meaning(link, reading)
                try:
                    m.value(side)
                except Unreadable as error:
                    why.append(error)
                    continue
                except DeriveError:
                    pass
                why.clear()
                break
            if why and isinstance(why[0], Unreadable):
                return why[0]
        return None

    def _as_entries(self, link: Link) -> bool:
        """L = -y log ŷ of vectors: a scalar that it is where the products of the entries are added up."""
        if not any(isinstance(n, Symbol) and n.head in ("log", "ln") for n in walk(link.right)):
            return False
        if not isinstance(link.left, Symbol | Scripted) and not called.bracketed(link.left):
            return False
        with suppress(DeriveError):
            claim = self.claim(link, replace(self.usual(link), elementwise=True, added=True))
            verdict = self.decide(claim) if not claim.strangers and not claim.left.shape else None
            return verdict is not None and verdict.holds
        return False

    def _of_another_kind(self, link: Link, misfits: list[ShapeError]) -> bool:
        """H_i = √u, of one example: a quantity of the network said to be one of another shape, which may have its letter alone."""
        if link.op != "=" or not isinstance(link.left, Symbol | Scripted) or numbers.is_numeric(link.right):
            return False
        found, system = names.find(Meaning(self.part.scope, Reading(), link.source), link.left), self.part.scope.system
        if found is None or found.bar or found.primes or found.named.introduced or not isinstance(found.expr, Var):
            return False
        computed = system is not None and system.owner(found.expr) is not None and found.expr is not self.part.scope.loss
        return computed and all(isinstance(e, Unlike) and 0 in e.ranks for e in misfits)

    def _aside(self, link: Link) -> bool:
        """Let y = Wx: an example with letters of its own, to which the lines after it may belong."""
        letters = {n.head for side in (link.left, link.right) for n in walk(side) if isinstance(n, Symbol)}
        if isinstance(link.left, Symbol) and _LET.search(self.before):
            self.example = len(self.lines), letters
        n, known = self.example
        return len(self.lines) - n <= ASIDE and letters - set(LOSSES) <= known

    def _slip(self, link: Link, claim: Claim | None) -> Slip | None:
        """The slip, within what is left of the document's time for slips."""
        started = time.process_time()
        try:
            return slips.search(self, link, claim)
        except DeriveError:
            return None
        finally:
            self.slip_seconds -= time.process_time() - started
            self.pot -= time.process_time() - started

    def slip_time(self) -> float:
        """The seconds for the slip of this relation: of what is left for it and for its formula, where more relations follow the half."""
        return min(self.pot / (2 if self.following else 1), self.left() - REST)

    def _refuted(self, link: Link, line: Line, claim: Claim, verdict: Verdict, started: float) -> Line:
        follows = self._follows(claim, link)
        if not self.explain:
            return replace(line, verdict="refuted", reason=verdict.reason, follows=follows)
        slip = self._slip(link, claim)
        full = self.court().judge(claim.left, claim.right, budget=BUDGET, explain=True)
        reason = full.reason if full.verdict == "refuted" else verdict.reason
        if follows is not None:
            reason = f"{reason}; it follows from line {follows}"
        self._remember(link, line, claim)
        return replace(
            line,
            verdict="refuted",
            reason=reason,
            expected=slips.expected(self, link),
            slip=slip,
            counterexample=full.counterexample,
            follows=follows,
        )

    def _remember(self, link: Link, line: Line, claim: Claim | None = None) -> None:
        """A false line that gives a quantity a value: later lines may use it."""
        if claim is not None and isinstance(claim.left, Var):
            self.wrong.append(Wrong(line.n, claim.left, claim.right))

    def _follows(self, claim: Claim, link: Link) -> int | None:
        """The wrong line of which this one is a consequence, as it stands or with the engine's formula for its left side."""
        court = self.court()
        usual = engine.formulas(self, link, claim.reading) if self.wrong and self.explain else []
        lefts = [claim.left, *(f for f in usual if f.shape == claim.right.shape)]
        for w in reversed(self.wrong):
            if self.left() < LIMIT / 2:
                return None
            put = putter(w)
            right = rebuild(claim.right, put)
            for k, e in enumerate(lefts):
                left = rebuild(e, put)
                if left is e and (k or right is claim.right):
                    continue
                try:
                    if court.quick(left, right) and court.judge(left, right, budget=2.0, explain=False).holds:
                        return w.n
                except DeriveError:
                    continue
        return None


def _layer(found: re.Match[str], layer: int, last: int) -> str:
    """A script with the letter of a layer as one with its number."""
    number = last if "L" in (found["letter"], found["bare"]) else layer
    if found["bare"]:
        return f"^{{({number})}}"
    return f"{found['open']}{number + int((found['shift'] or '0').replace(' ', ''))}{found['close']}"


def _stated(link: Link) -> Relation:
    return Relation((link.left, link.right), (link.op,), start=link.left.start, end=link.right.end)


def putter(w: Wrong) -> Callable[[Expr], Expr]:
    """Puts the wrong value in for its name, at every instant where the name is one of a sequence."""
    name = w.name
    assert isinstance(name, Var)

    def put(e: Expr) -> Expr:
        if e is name:
            return w.value
        if isinstance(e, Var) and name.time is not None and name.time.base and e.time is not None and e.at(name.time) is name:
            return at_time(w.value, name.time.base, e.time.shifted(-name.time.offset))
        return e

    return put


def pictured(scope: Scope, link: Link) -> bool:
    """W = (w_{11} … w_{1d}; …): the entries of a quantity, drawn with dots under letters of their own."""
    right = link.right.base if isinstance(link.right, Scripted) and flat(link.right.sup) in ("T", "top") else link.right
    right = right.body if isinstance(right, Fence) else right
    if not isinstance(right, Rows | Commas) or not any(isinstance(n, Dots) for n in walk(right)):
        return False
    m = Meaning(scope, Reading(), link.source)
    if all(names.find(m, n) is not None for n in walk(right) if isinstance(n, Scripted)):
        return False  # its entries have names: it says something of them
    found = names.find(m, link.left) if isinstance(link.left, Symbol | Scripted) else None
    return found is not None and isinstance(found.expr, Var) and not found.places


def index_range(scope: Scope, link: Link) -> bool:
    """l = 1, …, L and t = 0 in the words: what an index runs over, no statement."""
    left, right = link.left, link.right
    if not isinstance(left, Symbol) or left.accents or len(left.head) > 1 or not isinstance(right, Number | Symbol):
        return False
    if left.head in scope.times or left.head == scope.clock or left.head in scope.last:
        return True
    known = (left.head, ()) in scope.names
    return (
        not known
        and (left.head in scope.sizes or left.head in "ijklmnt")
        and (isinstance(right, Number) or right.head in scope.sizes or right.head in scope.last)
    )


def index_condition(scope: Scope, link: Link) -> bool:
    """i ≠ j, k = y_i: a condition on indices, no statement about quantities."""
    if link.op not in ("=", "≠"):
        return False
    m = Meaning(scope, Reading(), link.source)

    def is_index(node: Node) -> bool:
        base = unscripted(node)
        if (
            not isinstance(base, Symbol)
            or base.accents
            or (len(base.head) > 1 and base.head not in names.COUNTING)
            or (isinstance(node, Scripted) and (node.sup is not None or node.primes))
        ):
            return False
        return names.one_hot(m, node) is not None or (
            (base.head in names.COUNTING or base.head in "ijklmnopqrsuvwc") and not isinstance(node, Scripted) and names.find(m, node) is None
        )

    return is_index(link.left) and is_index(link.right)


_AROUND = re.compile(r"</?\w+>|[\s*_>.:$-]|\\[()]|^\s*\(?(\d+|[a-z]|[ivx]+)[.)]")


def _alone(text: str, formula: Formula) -> str | None:
    """What stands before an inline formula that has a line of its own, "#" for a heading; None where other words stand there."""
    start, end = text.rfind("\n", 0, formula.start) + 1, text.find("\n", formula.end)
    before, after = text[start : formula.start], text[formula.end : end if end >= 0 else len(text)]
    left, right = _AROUND.sub("", before), _AROUND.sub("", after)
    return left or "." if not right and not left.strip("#") else None


def _far(e: Jac) -> bool:
    """∂h_t/∂h_k in one equation alone: nothing but where k is t - 1."""
    times = [v.time for v in (e.top, e.below) if isinstance(v, Var) and v.time is not None]
    return len(times) == 2 and times[0].base != times[1].base


def in_numbers(checker: Checker, link: Link) -> bool:
    """a = (1, 2, 3) of a vector that the network computes, where no numbers are given: an example, which can't be judged."""
    scope = checker.part.scope
    if checker.part.values or not numbers.is_numeric(link.right) or not isinstance(link.left, Symbol | Scripted):
        return False
    right = link.right.body if isinstance(link.right, Fence) else link.right
    found = names.find(Meaning(scope, Reading(), link.source), link.left)
    if found is None or found.bar or found.named.introduced or not isinstance(right, Rows | Commas):
        return False
    return isinstance(found.expr, Var) and scope.system is not None and scope.system.owner(found.expr) is not None


def _numbered(node: Node) -> bool:
    """A column of numbers, or a matrix."""
    return numbers.is_numeric(node) and any(isinstance(n, Rows) for n in walk(node))


def _sized(scope: Scope, link: Link) -> bool:
    """m = 128."""
    name = link.left
    size = isinstance(name, Symbol) and name.head in scope.sizes and (name.head, name.accents) not in scope.names
    return size and isinstance(link.right, Number) and link.right.text.isdigit()


def loss_by_another_name(scope: Scope, link: Link) -> bool:
    """C = … beside a loss that the problem calls E: first it may be the same loss; where it isn't, it is a new name."""
    node = link.left
    if isinstance(node, Product) and len(node.factors) == 2 and isinstance(node.factors[1][1], Fence):
        node = node.factors[0][1]
    m = Meaning(scope, Reading(), link.source)
    right = link.right
    if isinstance(node, Scripted) and isinstance(right, Fraction) and isinstance(right.top, Differential) and node.sup is None:
        node = node.base if names.find(m, node) is None else node  # J_t = ∂h_t/∂h_{t-1}: no loss is a derivative
    return isinstance(node, Symbol) and (node.head in LOSSES or node.head in scope.sizes) and names.find(m, node) is None


def dummies(m: Meaning, link: Link) -> None:
    """σ'(x) = σ(x)(1 − σ(x)): a statement about a function, in which x is any number."""
    symbols: dict[tuple[str, tuple[str, ...]], None] = {}
    curved = defined = False
    taken = _own(m, link)
    base = unscripted(link.left)
    if isinstance(base, Symbol) and base.head != "e" and calls.function_of(m, base) is None:
        return  # h = σ(0.25) speaks of h
    for n in (*walk(link.left), *walk(link.right)):
        if isinstance(n, Rows | Nabla | Big) or (isinstance(n, Fence) and n.kind in ("norm", "abs", "angle") and not taken):
            return
        if isinstance(n, Symbol) and n == taken:
            curved = defined = True
            continue
        if isinstance(n, Scripted) and n.base != taken:
            base = n.base
            if isinstance(base, Symbol) and base.head == "e":
                curved = True
            elif (
                n.sub is not None
                or not isinstance(n.sup, Number | Sum | None)
                or (n.primes and calls.function_of(m, base) is None)
            ):
                return
        if isinstance(n, Symbol):
            found = calls.function_of(m, n)
            if found is not None and (hasattr(found[1], "derivative") or isinstance(found[1], Template)):
                curved = True
                defined = defined or isinstance(found[1], Template)
            elif found is not None:
                return
            elif n.head not in ("e", "d", "pi"):
                symbols[n.head, n.accents] = None
    if curved and len(symbols) == 1:
        key = next(iter(symbols))
        if defined and key in m.scope.names:
            found, system = names.find(m, Symbol(*key)), m.scope.system
            if found is not None and system is not None and isinstance(found.expr, Var) and system.owner(found.expr) is not None:
                m.local[key] = Value(var("dummy_" + key[0], found.expr.shape))  # of any x, and not of those that are computed
            return  # f(x) = xᵀAx of a known x
        m.local[key] = Value(var("dummy_" + key[0]))
    elif (
        curved and not symbols and not any(_at_number(m, n) for side in (link.left, link.right) for n in walk(side))
    ):  # σ' = σ(1 − σ)
        m.local[calls.BARE.head, ()] = Value(var("dummy_z"))


def _own(m: Meaning, link: Link) -> Symbol | None:
    """f in f'(x) = … and f(x) = …, of a function that the document has defined by a formula in x."""
    left = link.left
    if not isinstance(left, Product) or len(left.factors) != 2 or left.factors[1][0]:
        return None
    name, fence = unscripted(left.factors[0][1]), left.factors[1][1]
    known = m.scope.functions.get(name.head) if isinstance(name, Symbol) and not name.accents else None
    if not isinstance(known, Template) or not isinstance(fence, Fence) or not isinstance(fence.body, Symbol):
        return None
    return name if known.parameters == ((fence.body.head, fence.body.accents),) and isinstance(name, Symbol) else None


def _at_number(m: Meaning, node: Node) -> bool:
    """Whether a product holds a function of a number, log 8."""

    def plain(b: Node) -> bool:
        return not any(calls.function_of(m, n) is not None for n in walk(b) if isinstance(n, Symbol | Scripted))

    return isinstance(node, Product) and any(
        not op and calls.function_of(m, a) is not None and plain(b) for (_, a), (op, b) in pairwise(node.factors)
    )


def changing(m: Meaning, link: Link, reading: Reading) -> None:
    """What changes in a relation of differentials: the inputs of everything behind a d, or the names on the right alone."""
    left, right = ([e for n in side if (e := _quantity(m, n)) is not None] for side in differentials(link))
    if reading.held:
        m.varied = frozenset(e for e in right or left if isinstance(e, Var))
        if not m.varied or len(m.varied) < len(dict.fromkeys(right or left)):
            raise Unreadable("a differential of something that is no quantity by itself")
        return
    inside = {v for e in (*left, *right) for v in (e, *derivatives.ancestors(m, e)) if isinstance(v, Var)}
    m.differentials = frozenset(v.name for v in inside)


def _quantity(m: Meaning, node: Node) -> Expr | None:
    """What a name behind a d is, in this relation."""
    if isinstance(node, Symbol) and (node.head, node.accents) in m.local:
        return m.local[node.head, node.accents].expr
    found = names.find(m, node) if isinstance(node, Symbol | Scripted) else None
    if found is None and isinstance(node, Symbol) and node.head in LOSSES:
        return m.scope.loss or names.open_loss(m, node)
    return found.expr if found is not None else None


def conditioned(m: Meaning, left: Value, right: Value, condition: Node) -> tuple[Value, Value]:
    """Both sides times the indicator of a condition on indices; other conditions are not used."""
    relation = (
        condition if isinstance(condition, Relation) else next((n for n in walk(condition) if isinstance(n, Relation)), None)
    )
    if relation is None or len(relation.ops) != 1 or relation.ops[0] not in ("=", "≠"):
        return left, right
    letters = {flat(p) for p in relation.parts}
    if not letters & {*left.labels, *right.labels}:
        return left, right
    try:
        mask = arrays.condition(m, relation)
    except (Unreadable, ShapeError):
        return left, right
    written = m.text(relation) if relation.end else f" {relation.ops[0]} ".join(map(flat, relation.parts))
    m.notes.append(f"for {written}")
    return scale(mask, m.settled(left)), scale(mask, m.settled(right))


def _labels(m: Meaning, node: Node) -> set[str]:
    """Letters that may be free indices of a side: those that names carry and no sum binds."""
    bound = {flat(i) for n in walk(node) if isinstance(n, Big) for i in names.script_items(n.sub)}
    return {k for k in m.label_sizes if k not in bound}


def _reason(verdict: Verdict, claim: Claim, usual: Reading) -> str:
    notes = [*claim.notes, *(f"read with {d}" for d in claim.reading.describe(usual))]
    return "; ".join([verdict.reason, *notes])


def _in(v: Value) -> str:
    return show_shape(v.shape)


def _is_zero(e: Expr) -> bool:
    from derive.expr import is_zero

    return is_zero(e)


def slack_of(slack: Any) -> float:
    import numpy as np

    return float(np.max(slack)) if np.size(slack) else 0.0


def _off(written: Any, truth: Any, same: Any) -> Iterator[tuple[tuple[int, ...], float, float]]:
    import numpy as np

    for at in np.ndindex(truth.shape):
        if not same[at]:
            yield at, float(written[at]), float(truth[at])


def _written(truth: Any, node: Node) -> str:
    """The number as it would be written, with as many digits as the person gave."""
    digits = max((len(n.text.partition(".")[2]) for n in walk(node) if isinstance(n, Number)), default=0)

    def one(x: float) -> str:
        return f"{x:.{digits}f}" if digits else f"{x:.4f}".rstrip("0").rstrip(".")

    if truth.ndim == 0:
        return one(float(truth))
    rows = truth.reshape(-1, truth.shape[-1]) if truth.ndim > 1 else truth.reshape(-1, 1)
    return r"\begin{bmatrix} " + r" \\ ".join(" & ".join(one(float(x)) for x in row) for row in rows) + r" \end{bmatrix}"


def check_text(text: str, network: Network | None = None, settings: Mapping[str, Any] | None = None) -> Report:
    """The report on a line or a text, in a network and with the settings of a scope file."""
    return Checker(parts(settings or {}, problem=network)).text(text)
