"""A document, statement by statement: what each relation claims, and the judge's verdict on it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from derive.check import (
    assumptions,
    called,
    engine,
    layers,
    otherwise,
    results,
    samples,
    scalars,
    signals,
    slips,
    stages,
    stationary,
    unequal,
    unfit,
)
from derive.check.claims import Claim, build, changing, dummies, told
from derive.check.define import named
from derive.check.kinds import far, of_sizes, pictured
from derive.check.lines import WORST, Line, Report, Slip
from derive.check.otherwise import Refuted
from derive.check.readings import LYING, readings
from derive.check.said import Said, used
from derive.check.settings import Part, parts, unmet
from derive.check.walk import POT, Walk
from derive.expr import DeriveError, Expr, Jac, Opaque, ShapeError, Var, at_time, rebuild, zeros
from derive.judge import Court, Verdict
from derive.judge.contraction import COST, Guard
from derive.network import Network
from derive.reader import bigs, braces, windows
from derive.reader.meaning import Meaning, Reading
from derive.reader.scope import Scope
from derive.reader.statements import Link
from derive.reader.tokens import Unreadable
from derive.system import System

SLIPS = 5.0  # seconds for the slips of a document
REST = 0.3  # seconds of a relation that are kept for its counterexample
BUDGET = 5.0  # seconds for one claim, within what is left for its relation
LIMIT = 1.7  # seconds for one relation, with everything that is said of it
ALL = 120.0  # seconds for a document; what comes later is not judged


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
        self.said = Said()
        self.differentiated: dict[Var, int] = {}  # by which inputs derivatives were taken, and how many lines stood before that
        self.solved = -stationary.LATEST  # the last line that set a derivative to zero
        self.equal: dict[unequal.Pair, int] = {}  # derivatives by the entry of the same index, and how many lines stood before
        self.results: set[str] = set()  # numbers that lines gave as rounded results
        self.staged: dict[Any, Scope | None] = {}  # scopes in which the document's stages are quantities
        self.example: tuple[int, set[str]] = (-unfit.ASIDE - 1, set())  # the line of the last one, and its letters
        assumptions.by_scope(self)

    # -- documents ------------------------------------------------------------------------------------------

    def text(self, text: str, latex: bool | None = None) -> Report:
        """The report on a document. Raises DeriveError where it can't be used as a whole."""
        walk = Walk(self)
        walk.text(text, latex)
        return Report(self.lines, notes=unmet(self.pieces, walk.met))

    def reconsider(self) -> None:
        """The last line once more, after words that follow it: "= 2Aw for symmetric A"."""
        if self.waiting and self.waiting[-1][0] == len(self.lines) and self.lines[-1].verdict == "refuted":
            judged = self.relation(self.waiting[-1][1], self.lines[-1].display)
            if judged.verdict in ("proved", "agrees"):
                self.lines[-1] = replace(judged, n=len(self.lines))

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
        if link.lower is not None:  # ±: both of the relations that it is
            upper, lower = (self._line(one, line) for one in (replace(link, lower=None), link.lower))
            worse, which = min((upper, "upper"), (lower, "lower"), key=lambda pair: WORST.index(pair[0].verdict))
            same = upper.verdict == lower.verdict
            return worse if same else replace(worse, reason=f"{worse.reason}, with the {which} signs")
        try:
            judged = self.judged(link, line)
            if (why := link.mended) is not None:
                return self._mended(judged, why)
            if judged.verdict in ("proved", "agrees") and link.op == "=":
                stages.says_more(self.part.scope, link)
            if judged.verdict == "undecided" and stages.lost(judged.reason):
                return stages.judged(self, link, line) or judged
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

    def _picture(self, link: Link, line: Line) -> Line | None:
        return (
            replace(line, verdict="definition", reason="a picture of what is known") if pictured(self.part.scope, link) else None
        )

    def court(self) -> Court:
        system = self.part.scope.system
        if id(system) not in self.courts:
            court = self.courts[id(system)] = Court(system)
            court.bench.guard = Limited(self.left)
        return self.courts[id(system)]

    def left(self) -> float:
        """The seconds that are left for the relation at hand."""
        return max(0.0, self.part.scope.until - time.process_time())

    def judged(self, link: Link, line: Line) -> Line:
        """The verdict on a relation, which names something, gives a number, assumes something or claims something."""
        scope, written = self.part.scope, link
        equates = link.op == "="
        if equates and (what := of_sizes(scope, link) or called.named(scope, link)) is not None:
            return replace(line, verdict="definition", reason=what)
        link = called.put_in(scope, link)
        if equates and (held := signals.judged(self, link, line)) is not None:
            return held
        if equates and (what := named(self, link)) is not None:
            return replace(line, verdict="definition", reason=what)
        if (held := results.given(self, link, line) or results.judged(self, link, line)) is not None:
            return held
        if equates and (solved := stationary.solution(self, link, line)) is not None:
            away = "the derivative by {} is not zero there"
            return solved if isinstance(solved, Line) else self.refuted(link, line, solved, away.format(solved.left))
        if equates and (what := assumptions.assumed(self, link)) is not None:
            return replace(line, verdict="definition", reason=what)
        if cases := samples.cases(scope, link):
            return min((self.judged(case, line) for case in cases), key=lambda judged: WORST.index(judged.verdict))
        return self._claimed(written, link, line)

    def _claimed(self, written: Link, link: Link, line: Line) -> Line:
        """The verdict by the first reading in which a relation holds; else by the usual one."""
        claims, errors = self.claims(link)
        if not claims:
            other = assumptions.judged(self, link, line) or unfit.entry_by_entry(self, link, line, errors)
            return other or unfit.judged(self, written, line, errors)
        first: tuple[Claim, Verdict] | None = None
        for claim in claims:
            verdict = self.decide(claim, quick=first is not None)
            if verdict is not None and verdict.holds and not self.met(claim):
                return replace(line, verdict="undecided", reason="under conditions that are met nowhere")
            if verdict is not None and verdict.holds:
                reason = told(verdict, claim, self.usual(link))
                self._settle(link, claim, claim is claims[0])
                return replace(line, verdict=verdict.verdict, reason=reason, bound=verdict.bound)
            if verdict is not None and (first is None or (first[1].verdict, verdict.verdict) == ("refuted", "undecided")):
                first = claim, verdict
        assert first is not None
        claim, verdict = first
        if verdict.verdict == "undecided":
            return replace(line, verdict=verdict.verdict, reason=verdict.reason)
        held = otherwise.judged(self, Refuted(link, line, claims, claim))
        return held or self._false(written, link, line, claim, verdict)

    def _settle(self, link: Link, claim: Claim, usual: bool) -> None:
        """What a line that holds says of those that follow."""
        stationary.remember(self, claim)
        self.part.scope.summing = self.part.scope.summing or (claim.reading.repeated and not usual)
        self._settle_layout(link, claim)
        self._settle_lying(link, claim)

    def _false(self, written: Link, link: Link, line: Line, claim: Claim, verdict: Verdict) -> Line:
        """A false line: what is wrong where the words before it say that it is so, and not what would be right elsewhere."""
        where = self.said.conditions(line)
        under = used(self, self.claims(replace(link, conditions=where))[0]) if where and not link.conditions else []
        if under:
            written, claim = replace(written, conditions=where), under[0]
        return self.refuted(written, line, claim, verdict.reason)

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

    def _settle_lying(self, link: Link, claim: Claim) -> None:
        """Rows W_{i,:} and lists (a, b) lie in all of a formula, or in none of its relations: that W_{i,:}ᵀ is h and then hᵀ is a mistake."""
        lying = self.part.scope.lying
        for name, stands in LYING.items():
            lies = getattr(claim.reading, name)
            other: dict[str, Any] = {name: not lies}
            if name not in lying and stands(link) and not self._fits(link, claim, replace(claim.reading, **other)):
                lying[name] = lies

    def _fits(self, link: Link, claim: Claim, reading: Reading) -> bool:
        """Whether a line that holds may hold in another reading, too."""
        try:
            other = self.claim(link, reading)
        except DeriveError:
            return False
        same = (other.left, other.right) == (claim.left, claim.right)
        return same or self.court().quick(other.left, other.right) is not False

    def decide(self, claim: Claim, quick: bool = False) -> Verdict | None:
        """The judge's verdict; a further reading only counts where the numbers say that it may hold."""
        court = self.court()
        if quick and self.left() < LIMIT / 2:
            self.short = True
            return None
        if quick and court.quick(claim.left, claim.right) is False and self.part.last is None:
            return None
        verdict = self.at_last(claim, self.part.last)
        return None if quick and verdict.holds and not self.says(claim) else verdict

    def at_last(self, claim: Claim, last: int | None) -> Verdict:
        """The judge's verdict, for this T where it is one."""
        return self.court().judge(claim.left, claim.right, budget=BUDGET, explain=False, last=last)

    def says(self, claim: Claim) -> bool:
        """Whether a further reading says something: one in which both sides vanish doesn't."""
        return not self._empty(claim) and not self.vanishes(claim.left)

    def vanishes(self, e: Expr) -> bool:
        """Whether nothing shows that an expression isn't zero everywhere."""
        return self.court().quick(e, zeros(e.shape)) is not False

    def met(self, claim: Claim) -> bool:
        """Whether its conditions are met somewhere."""
        return not any(map(self.vanishes, claim.met))

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
        return windows.apart([*link.conditions, *(self.said.condition.relations if self.said.condition is not None else ())])

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

    def refuted(self, link: Link, line: Line, claim: Claim, reason: str) -> Line:
        """A wrong line, with what is said of it: what would be right, the slip, a counterexample, and what it follows from."""
        follows = self._follows(claim, link)
        if not self.explain:
            return replace(line, verdict="refuted", reason=reason, follows=follows)
        slip = self.slip(link, claim)
        full = self.court().judge(claim.left, claim.right, budget=BUDGET, explain=True)
        reason = full.reason if full.verdict == "refuted" else reason
        if follows is not None:
            reason = f"{reason}; it follows from line {follows}"
        self._remember(line, claim)
        return replace(
            line,
            verdict="refuted",
            reason=reason,
            expected=slips.expected(self, link),
            slip=slip,
            counterexample=full.counterexample,
            follows=follows,
        )

    def _remember(self, line: Line, claim: Claim) -> None:
        """A false line that gives a quantity a value: later lines may use it."""
        if isinstance(claim.left, Var):
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
