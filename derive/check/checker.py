"""A document, statement by statement: what each relation claims, and the judge's verdict on it."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from derive.check import (
    assumptions,
    called,
    engine,
    layers,
    numbers,
    outputs,
    results,
    samples,
    scalars,
    signals,
    slips,
    spelled,
    stages,
    stationary,
    targets,
    unequal,
    unfit,
)
from derive.check.claims import Claim, build, changing, dummies, told
from derive.check.define import average, define, defines, naming, steps
from derive.check.kinds import far, in_numbers, index_condition, index_range, loss_by_another_name, pictured, shapes, sized
from derive.check.lines import WORST, Line, Report, Slip
from derive.check.prose import (
    ANOTHER,
    AT,
    CASE,
    CONVENTION,
    EVERY,
    FOR,
    GENERAL,
    LAST,
    NEGATED,
    OTHER_THAN,
    SUPPOSED,
    SUPPOSING,
    THEN,
    WHEN,
    alone_on_its_line,
)
from derive.check.readings import readings
from derive.check.settings import Part, parts, put_in
from derive.expr import DeriveError, Expr, Jac, Opaque, ShapeError, Var, at_time, is_zero, rebuild, time_indices, zeros
from derive.judge import Court, Verdict
from derive.judge.case import FARTHEST
from derive.judge.contraction import COST, Guard
from derive.network import Network
from derive.reader import bigs, braces, windows
from derive.reader.document import Formula, labelled, read_document
from derive.reader.meaning import Meaning, Reading
from derive.reader.scope import Scope, flat
from derive.reader.statements import Broken, Chain, Link, placeless, statements
from derive.reader.syntax import Number, Relation, Scripted, Symbol, unscripted, walk
from derive.reader.tokens import Unreadable
from derive.system import System

CASED = 8  # displays after the first of a case
SLIPS = 5.0  # seconds for the slips of a document
POT = 1.5  # seconds for the slips of a formula
REST = 0.3  # seconds of a relation that are kept for its counterexample
LATEST = 8  # lines after which a definition explains nothing of an earlier one
BUDGET = 5.0  # seconds for one claim, within what is left for its relation
LIMIT = 1.7  # seconds for one relation, with everything that is said of it
ALL = 120.0  # seconds for a document; what comes later is not judged
MOST_LINES = 2_000


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
        self.example: tuple[int, set[str]] = (-unfit.ASIDE - 1, set())  # the line of the last one, and its letters
        self.condition: tuple[tuple[Relation, ...], str] | None = None  # "If i ≠ j:" in the words before
        self.unrolled: tuple[int, int] | None = None  # (a T that the document takes, how many lines stood before)
        self.stating: Formula | None = None  # the formula that said it
        self.sided: tuple[Link, int | None, str] | None = None  # "if z > 0:", the display of which it is said, the formula that says it
        self.conditioned: int | None = None  # the display for which it is said
        self.cased = 0  # how many displays after that one it is said of, too: "1) i = k:"

    # -- documents ------------------------------------------------------------------------------------------

    def text(self, text: str, latex: bool | None = None) -> Report:
        """The report on a document. Raises DeriveError where it can't be used as a whole."""
        document = read_document(text, latex)
        spelled.verify(self.pieces, " ".join(formula.tex for formula in document.formulas))
        starts, end, last = self._starts(text), 0, 0
        if re.search(r"\\sum(?![a-zA-Z])|∑|Σ_", text) and not CONVENTION.search(text):
            for part in self.pieces:
                part.scope.implied = False
        for part in self.pieces:
            part.scope.summing = CONVENTION.search(text) is not None
        for formula in document.formulas:
            part = self.pieces[max((k for k, at in starts if at < formula.end), default=0)]
            self.before = document.text[max(0, formula.start - 200) : formula.start]
            self.earlier = document.text[max(0, formula.start - 500) : formula.start]
            self.after = document.text[formula.end : formula.end + 80]
            assumptions.ended(self, part, document.text[end : formula.start])
            if GENERAL.search(document.text[end : formula.start]):
                self.condition = None
                self.equal.clear()
            end = formula.end
            if part is not self.part:
                self.part, self.chain, self.wrong, self.condition = part, Chain(), [], None
            if formula.display is None:
                assumptions.symmetric(self, formula, document.text)
                held, alone = self.chain, alone_on_its_line(document.text, formula)
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
        if formula.display is not None and self.sided is not None:
            between = self.before.rpartition(self.sided[2] or "$")[2]
            follows = self.sided[1] is None and self.sided[2] in self.before and THEN.fullmatch(between.rstrip("\\[(")) is not None
            follows = follows and not EVERY.search(formula.tex) and not EVERY.match(self.after.lstrip(" $.,"))
            self.sided = (self.sided[0], formula.display, "") if follows or self.sided[1] == formula.display else None
        tex = put_in(self.part.macros, formula.tex)
        found = statements(tex, [*self.part.scope.words, *words], self.chain, mend=True)
        if formula.display is None and (other := OTHER_THAN.match(self.after)) is not None and (last := LAST.search(tex)) is not None:
            apart = statements(rf"{last[0]} \neq {other['tex']}", self.part.scope.words, Chain())
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
                if s.op == "=" and flat(s.left) in self.part.scope.last and isinstance(s.right, Number) and s.right.text.isdigit():
                    self.unrolled = int(s.right.text), len(self.lines)
                continue
            elif index_condition(self.part.scope, s):
                if formula.display is not None or self.heading or SUPPOSED.search(self.before[-80:]):
                    self._conditional(formula, s, len(found))
            elif s.op == "≠":
                assumptions.over(self.part)  # "if y ≠ 1:"
            elif s.op in ("<", ">", "≤", "≥") and formula.display is None:
                assumptions.over(self.part)  # y < 1 is no case of y = 1
                supposed = SUPPOSING.search(self.before) and not NEGATED.search(self.before[-60:])
                self.sided = (s, None, formula.tex) if supposed else None
            elif s.op in ("=", "≈"):
                self.lines.append(self.relation(s, formula.display))
                self._again(s)
        self._labels(tex, words)

    def _labels(self, tex: str, words: set[str]) -> None:
        """The new names that stand under braces."""
        for label, body in labelled(tex):
            found = statements(f"{label} = {body}", [*self.part.scope.words, *words], Chain())
            link = found[0] if len(found) == 1 and isinstance(found[0], Link) else None
            base = unscripted(link.left) if link is not None else None
            if link is None or not isinstance(base, Symbol) or base.head in self.part.scope.sizes or base.head in "ijklmnt":
                continue
            with suppress(DeriveError):
                if defines(self.part.scope, link):
                    define(self, link)

    def _conditional(self, formula: Formula, said: Link, count: int) -> None:
        """Remember a condition on indices, for the next display or for those of a case."""
        others = self.condition[0] if self.condition is not None and self.stating is formula else ()
        self.condition, self.conditioned = ((*others, _stated(said)), said.source), formula.display
        if count == 1 and SUPPOSED.search(self.before[-80:]):
            self.conditioned = None  # If $$k = y_i$$, of the display that follows
        lasting = self.heading or CASE.search(self.before[-80:]) is not None
        self.stating, self.cased = formula, CASED if lasting else 0

    def _said_after(self, formula: Formula) -> Relation | None:
        """The condition on indices in the words after a formula: "y_w = 0 for every w ≠ o"."""
        found = FOR.match(self.after) if not formula.tex.rstrip().endswith(".") else None
        said = statements(found["tex"], self.part.scope.words, Chain()) if found else []
        if len(said) != 1 or not isinstance(said[0], Link) or not index_condition(self.part.scope, said[0]):
            return None
        return placeless(said[0].left, said[0].right, said[0].op)

    def _again(self, link: Link) -> None:
        """Lines that used a name before it was said what it is: "= PX, where P = …"."""
        line = self.lines[-1]
        if line.verdict in ("proved", "agrees"):
            unequal.remember(self, link)
        elif line.verdict in ("unreadable", "refuted"):
            self.waiting = [*self.waiting[-LATEST:], (line.n, link, self.part)]
        elif line.verdict == "definition" and line.reason != assumptions.SAID:
            for n, earlier, part in list(self.waiting):
                if line.reason == results.GIVEN and not (numbers.is_numeric(earlier.left) or numbers.is_numeric(earlier.right)):
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
            worse, which = min((upper, "upper"), (lower, "lower"), key=lambda pair: WORST.index(pair[0].verdict))
            same = upper.verdict == lower.verdict
            return worse if same else replace(worse, reason=f"{worse.reason}, with the {which} signs")
        try:
            judged = self.judged(link, line, started)
            if (why := link.mended) is not None:
                return self._mended(judged, why)
            if judged.verdict in ("proved", "agrees") and link.op == "=":
                stages.says_more(self.part.scope, link)
            if judged.verdict == "undecided" and stages.lost(judged.reason):
                return self._by_stages(link, line, started) or judged
            if judged.verdict != "unreadable":
                return judged
            return layers.judged(self, link, line) or self._picture(link, line) or judged
        except Unreadable as error:
            layered = layers.judged(self, link, line)
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

    def _mended(self, judged: Line, why: Unreadable) -> Line:
        """The verdict on a line that was read with a bracket more, or less, than it has: only that it holds is believed."""
        if judged.verdict in ("proved", "agrees", "definition"):
            return replace(judged, reason=f"{judged.reason}; with the brackets put right")
        return replace(judged, verdict="unreadable", reason=f"{why} (column {why.column})", slip=None, expected=None, counterexample=None)

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
            judged = self.judged(link, line, started)
            says = any(self.says(claim) for claim in self.claims(link)[0])
        except DeriveError:
            return None
        finally:
            self.part = saved
        return judged if judged.verdict in ("proved", "agrees", "refuted") and says else None


    def court(self) -> Court:
        system = self.part.scope.system
        if id(system) not in self.courts:
            court = self.courts[id(system)] = Court(system)
            court.bench.guard = Limited(self.left)
        return self.courts[id(system)]

    def left(self) -> float:
        """The seconds that are left for the relation at hand."""
        return max(0.0, self.part.scope.until - time.process_time())

    def judged(self, link: Link, line: Line, started: float) -> Line:
        scope = self.part.scope
        if link.op == "=" and sized(scope, link):
            return replace(line, verdict="definition", reason="a size")
        if link.op == "=" and shapes(scope, link):
            return replace(line, verdict="definition", reason="shapes")
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
        if results.takes_number(self, link):
            return replace(line, verdict="definition", reason=results.GIVEN)
        if link.op == "=" and in_numbers(self, link):
            return replace(line, verdict="definition", reason="numbers of an example, for which nothing is given")
        counted = results.judged(self, link, line)
        if counted is not None:
            return counted
        if link.op == "=" and (solution := self._solution(link, line, started)) is not None:
            return solution
        if link.op == "=" and (said := assumptions.assumed(self, link)) is not None:
            return replace(line, verdict="definition", reason=said)
        if cases := samples.cases(scope, link):
            return min((self.judged(case, line, started) for case in cases), key=lambda judged: WORST.index(judged.verdict))
        claims, errors = self.claims(link)
        display = line.display
        if not claims:
            return (
                self._in_special_case(link, line) or unfit.entry_by_entry(self, link, line, errors) or unfit.judged(self, written, line, errors)
            )
        first: tuple[Claim, Verdict] | None = None
        for claim in claims:
            verdict = self.decide(claim, quick=first is not None)
            if verdict is None:
                continue
            if verdict.holds:
                self._differentiated(claim)
                scope.summing = scope.summing or (claim.reading.repeated and claim is not claims[0])
                self._settle_layout(link, claim)
                return replace(
                    line, verdict=verdict.verdict, reason=told(verdict, claim, self.usual(link)), bound=verdict.bound
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
        if verdict.verdict == "refuted" and not link.conditions and (held := self._on_its_side(link, line)) is not None:
            return held
        if verdict.verdict == "refuted" and not link.conditions and (held := unequal.judged(self, link, line)) is not None:
            return held
        if verdict.verdict != "undecided" and (held := self.under_conditions(claims, line)) is not None:
            return held
        if verdict.verdict == "refuted" and loss_by_another_name(self.part.scope, link):
            return replace(line, verdict="definition", reason=define(self, link))
        if verdict.verdict == "refuted" and (held := outputs.judged(self, link, claims, line)) is not None:
            return held
        instead = link.op == "=" and claim.left is scope.loss and ANOTHER.search(self.earlier) is not None
        if verdict.verdict == "refuted" and instead and isinstance(claim.left, Var):
            self._another_loss(claim)  # "Changing the cost: cross-entropy"
            return replace(line, verdict="definition", reason="another loss, of which the derivatives are from here on")
        if verdict.verdict == "refuted" and (held := self._in_special_case(link, line)) is not None:
            return held
        if verdict.verdict == "refuted" and (held := self._unrolled(claims, line)) is not None:
            return held
        if verdict.verdict == "refuted" and self.part.values and (held := results.rounded(self, link, line)) is not None:
            return held
        if verdict.verdict == "refuted" and (held := self._where_stationary(claims, line)) is not None:
            return held
        if verdict.verdict == "refuted" and display is None and (WHEN.search(self.before) or AT.match(self.after)):
            return replace(line, verdict="definition", reason="a condition that the words before it make")
        if verdict.verdict == "refuted" and unfit.in_one_column(self, link):
            return replace(line, verdict="undecided", reason="right in the column of the index that some of its names leave out")
        if verdict.verdict == "refuted" and results.without_numbers(self, link, claim, line):
            return replace(line, verdict="undecided", reason="a number, where no numbers are given")
        if verdict.verdict == "refuted":
            approximate = self.approximation(link, line)
            if approximate is not None:
                return approximate
            where = self._side(line) or (self.condition[0] if self.condition is not None else ())
            under = self._used(self.claims(replace(link, conditions=where))[0]) if where and not link.conditions else []
            if under:  # what is wrong there, and not what would be right elsewhere
                written, claim = replace(written, conditions=where), under[0]
            return self._refuted(written, line, claim, verdict, started)
        return replace(line, verdict=verdict.verdict, reason=verdict.reason)

    def _settle_layout(self, link: Link, claim: Claim) -> None:
        """What a line that holds says of ∂L/∂W in a text in Jacobians: whether it is the transpose, as ∂L/∂v of a vector is."""
        scope = self.part.scope
        if scope.layout != "jacobian" or scope.numerator is not None:
            return
        try:
            other = self.claim(link, replace(claim.reading, numerator=not claim.reading.numerator))
            verdict = self.decide(other) if (other.left, other.right) != (claim.left, claim.right) else None
        except ShapeError:
            verdict = Verdict("refuted", "")
        except DeriveError:
            return
        if verdict is not None and verdict.verdict == "refuted":
            scope.numerator = claim.reading.numerator

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
                        line, verdict=verdict.verdict, reason=told(verdict, claim, claim.reading), bound=verdict.bound
                    )
                opposite = opposite or self.holds_for_targets(-claim.left, claim.right)
        scope.errors = settled
        if node is None or not families or settled is not None or signals.by_derivative(link.right):
            return None
        stands = scope.delta == "error" or (signals.layered(node) and not opposite)
        if stands and not signals.by_index(scope, link, node, families[0]):
            scope.errors = families[0]
        return None

    def under_conditions(self, claims: list[Claim], line: Line) -> Line | None:
        """A line that holds where computed quantities have the values that the problem says: z_1 = -1."""
        held = self._for_targets(claims, line)
        if held is not None:
            return held
        forced = self.forced()
        if not forced:
            return None
        said = ", ".join(f"{v} = {value}" for v, value in forced.items())
        zero = any(is_zero(claim.left) or is_zero(claim.right) or claim.left.shape == () for claim in claims[:1])
        for claim in claims:
            if numbers.at_conditions(self.court(), claim.left, claim.right, forced, zero):
                return replace(line, verdict="agrees", reason=f"where {said}", bound="1e-9, relative, in 8 points")
        return None

    def _unrolled(self, claims: list[Claim], line: Line) -> Line | None:
        """L = L_1 + L_2 + L_3 after "for T = 3": a line that holds at this T, and speaks of no other."""
        if self.unrolled is None or len(self.lines) - self.unrolled[1] > assumptions.LATEST or not 0 < self.unrolled[0] <= FARTHEST:
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
        system, zero = self.part.scope.system, any(is_zero(e) for claim in claims[:1] for e in (claim.left, claim.right))
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

    def _side(self, line: Line) -> tuple[Relation, ...]:
        """The condition on the sign of a quantity that the words before a line's display make."""
        if self.sided is None or line.display is None or self.sided[1] != line.display:
            return ()
        return (placeless(self.sided[0].left, self.sided[0].right, self.sided[0].op),)

    def _used(self, claims: list[Claim]) -> list[Claim]:
        """The claims in which the conditions of their relation say something, and are met somewhere."""
        said = [c for c in claims if any(n.startswith("for ") for n in c.notes)]
        return [c for c in said if not any(map(self.vanishes, c.met))]

    def _on_its_side(self, link: Link, line: Line) -> Line | None:
        """∂relu(z)/∂z = 1, after "if z > 0"."""
        side = self._side(line)
        if not side or self.sided is None:
            return None
        said = self.sided[0].tex
        if (held := self.where(link, side, line, f"where {said}, as was said before")) is not None:
            return held
        if self._used(self.claims(replace(link, conditions=side))[0]):
            return None
        return replace(line, verdict="undecided", reason=f"said where {said}, which is met at no point that was tried")

    def where(self, link: Link, relations: tuple[Relation, ...], line: Line, said: str) -> Line | None:
        """A line that holds where indices are as these relations say."""
        claims = self.claims(replace(link, conditions=relations))[0]
        for claim in self._used(claims):
            if claim.strangers or (claim is not claims[0] and not self.says(claim)):
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

    def forced(self) -> dict[Var, Any]:
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
        return not self._empty(claim) and not self.vanishes(claim.left)

    def vanishes(self, e: Expr) -> bool:
        """Whether nothing shows that an expression isn't zero everywhere."""
        return self.court().quick(e, zeros(e.shape)) is not False

    def _empty(self, claim: Claim) -> bool:
        """Whether a derivative in one equation alone vanishes because the equation doesn't hold what it is by."""
        found = {n for e in (claim.left, claim.right) for n in e.atoms(Jac) if n.direct and not isinstance(n.top, Opaque)}
        return any(far(n) or self.vanishes(n) for n in found)

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
            link = replace(link, left=braces.printed(link.left, link.source), right=braces.printed(link.right, link.source))
        m = self.meaning(link, reading)
        if bigs.bare(link.left) or bigs.bare(link.right):
            known = bigs.outside(link.left) | bigs.outside(link.right)
            link = replace(link, left=bigs.indexed(m, link.left, known), right=bigs.indexed(m, link.right, known))
        if reading.differential:
            changing(m, link, reading)
        try:
            claim = build(m, link, reading)
            if any(self.court().quick(a, b) is not True for a, b in claim.needs):
                raise ShapeError("a Jacobian beside ⊙ that has more than its diagonal")
            return claim
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


    # -- numbers --------------------------------------------------------------------------------------------


    def approximation(self, link: Link, line: Line) -> Line | None:
        if link.op != "≈":
            return None
        return replace(line, verdict="undecided", reason="an approximation that is no equation")

    # -- wrong lines ----------------------------------------------------------------------------------------


    def slip(self, link: Link, claim: Claim | None) -> Slip | None:
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
        slip = self.slip(link, claim)
        full = self.court().judge(claim.left, claim.right, budget=BUDGET, explain=True)
        reason = full.reason if full.verdict == "refuted" else verdict.reason
        if follows is not None:
            reason = f"{reason}; it follows from line {follows}"
        self.remember(link, line, claim)
        return replace(
            line,
            verdict="refuted",
            reason=reason,
            expected=slips.expected(self, link),
            slip=slip,
            counterexample=full.counterexample,
            follows=follows,
        )

    def remember(self, link: Link, line: Line, claim: Claim | None = None) -> None:
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


def check_text(text: str, network: Network | None = None, settings: Mapping[str, Any] | None = None) -> Report:
    """The report on a line or a text, in a network and with the settings of a scope file."""
    return Checker(parts(settings or {}, problem=network)).text(text)
