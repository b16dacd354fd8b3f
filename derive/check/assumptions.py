"""Special cases that a document takes: an input that is given a form, w = 0 or C = I; an open function that is chosen, φ = tanh."""

from __future__ import annotations

import math
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import sympy

from derive import ops
from derive.check.lines import Line
from derive.check.numbers import is_numeric
from derive.check.prose import GENERAL
from derive.expr import DeriveError, Expr, Jac, Map, Var, constant, constant_value, jac, lin, rebuild, transpose, var
from derive.reader import calls, names
from derive.reader.document import Formula
from derive.reader.meaning import Meaning, Reading
from derive.reader.parser import parse
from derive.reader.scope import Scope, Template, flat
from derive.reader.statements import Chain, Link, statements
from derive.reader.syntax import Commas, Fence, Number, Product, Scripted, Symbol, walk
from derive.reader.values import Value
from derive.system import Equation, OpenFunction, System

if TYPE_CHECKING:
    from derive.check.checker import Checker
    from derive.check.claims import Claim
    from derive.check.settings import Part

LATEST = 12  # lines after which a special case is over
SETTING = 8  # the same, for a computed quantity that has a number there
ENTRIES = 4  # of an initial value that is zero
MOST = 4  # special cases that are remembered
SETTINGS = 8  # the same, of computed quantities


@dataclass(frozen=True)
class Case:
    """What is assumed, as it was written; the input and its form, or the function and its formula."""

    text: str
    name: Var | str
    value: Expr | Template
    n: int = 0  # how many lines stood before it
    computed: bool = False  # whether the network computes it from inputs
    firm: bool = False  # of these: whether it outlasts the sentence that says it
    lasting: bool = False  # the scope says it: it holds as far as its part

    @property
    def reach(self) -> float:
        return math.inf if self.lasting else SETTING if self.computed else LATEST


def by_scope(checker: Checker) -> None:
    """What the scope assumes of its parts: assume = ["C = I", "A = A^\\top"]. Raises DeriveError where that is no form of an input."""
    taken: set[str] = set()
    strange: dict[str, str] = {}
    for part in checker.pieces:
        checker.part = part
        for text, place in part.assumed:
            found = statements(text, part.scope.words, Chain())
            link = found[0] if len(found) == 1 and isinstance(found[0], Link) and found[0].op == "=" else None
            case = (_function(checker, link) or _input(checker, link)) if link is not None else None
            if case is None:
                strange.setdefault(text, place)
                continue
            taken.add(text)
            part.cases.append(replace(case, lasting=True))
    checker.part = checker.pieces[0]
    for text, place in strange.items():
        if text not in taken:
            raise DeriveError(
                f"{place}, assume: {text!r} gives no input of the problem a form; C = I, w = 0, A = A^\\top and \\phi(z) = \\tanh(z) do"
            )


def assumed(checker: Checker, link: Link) -> str | None:
    """What a relation assumes, which then is remembered: an input says nothing about itself, so its relation can't be false."""
    case = _function(checker, link) or _input(checker, link) or _setting(checker, link)
    if case is None or any(c.lasting and c.name == case.name for c in checker.part.cases):
        return None  # the scope says what it is
    if not denied(checker) and case.value is not case.name:
        cases = checker.part.cases
        others = [c for c in cases if c.name != case.name and not c.lasting]
        lasting = [c for c in cases if c.lasting]
        cases[:] = [case, *(c for c in others if c.computed)][:SETTINGS] + [c for c in others if not c.computed][:MOST] + lasting
    return SETTING_SAID if case.computed else SAID


def _input(checker: Checker, link: Link) -> Case | None:
    scope = checker.part.scope
    if not isinstance(link.left, Symbol | Scripted):
        return None
    found = names.find(Meaning(scope, Reading(), link.source), link.left)
    if found is None or found.bar or found.places or found.exponent is not None or found.primes or found.named.introduced:
        return None
    v = found.expr
    if not isinstance(v, Var) or (scope.system is not None and scope.system.owner(v) is not None):
        return None
    if is_numeric(link.right) and (v.key in checker.part.values or v.name in checker.part.values):
        return None
    if isinstance(link.right, Scripted) and link.right.base == link.left and flat(link.right.sup) in ("top", "T"):
        return checker.part.cases.pop(0) if _remember_symmetric(checker, v) else None  # A = A^T
    if any(n == link.left for n in walk(link.right)):
        return None
    for claim in checker.claims(link)[0]:
        if v.time is None and scope.system is not None and any(scope.system.owner(n) is not None for n in claim.right.atoms(Var)):
            continue  # b = z - W x follows from the equations, or contradicts them
        lies = claim.left is not v and claim.left is transpose(v)  # a vector that is written as a row
        known = not claim.strangers and not any(isinstance(n, Var) and n.bar for n in claim.right.atoms(Var))
        if known and (lies or claim.left is v):
            return Case(link.tex, v, transpose(claim.right) if lies else claim.right, len(checker.lines))
    return None


def _setting(checker: Checker, link: Link) -> Case | None:
    """f_t = 1, H = 0, of what the network computes from inputs without numbers: a case of it, and nothing that can be derived."""
    system = checker.part.scope.system
    if system is None or numbered(checker) or not isinstance(link.left, Symbol | Scripted):
        return None
    if not isinstance(link.right, Number) or not link.right.text.isdigit() or _THUS.search(checker.said.before):
        return None
    found = names.find(Meaning(checker.part.scope, Reading(), link.source), link.left)
    if found is None or found.bar or found.exponent is not None or found.primes or found.named.introduced:
        return None
    v = found.expr
    if not isinstance(v, Var) or v.bar or v is checker.part.scope.loss or system.owner(v) is None:
        return None
    with suppress(DeriveError):
        m = Meaning(checker.part.scope, Reading(), link.source)
        value = constant_value(m.value(link.right).expr)
        if value is not None:
            filled, firm = v if found.places else constant(value, v.shape), _SUPPOSED.search(checker.said.before) is not None
            return Case(link.tex, v, filled, len(checker.lines), computed=True, firm=firm)
    return None


def numbered(checker: Checker) -> bool:
    """Whether some name of the network has a number."""
    system = checker.part.scope.system
    return system is not None and any(k.split("[")[0] in {*system.independent, *system.by_name} for k in checker.part.values)


def settings(checker: Checker) -> dict[Var, float]:
    """The computed quantities that were set to a number in the last lines."""
    recent = [c for c in checker.part.cases if len(checker.lines) - c.n <= c.reach]
    if not any(c.computed for c in recent):
        return {}
    found = {c.name: constant_value(c.value) for c in recent if isinstance(c.value, Expr) and (c.computed or _vanishing(c))}
    every = [v for v in found if isinstance(v, Var) and v.time is not None and v.time.base]  # f_t = 1, but for f_1 = 0
    order = (*every, *(v for v in found if v not in every))
    return {v: float(value) for v in order if isinstance(v, Var) and (value := found[v]) is not None}


_SUPPOSED = re.compile(r"\b(suppose|assume|assuming|let|consider|imagine)\b[^.]*$", re.IGNORECASE)
_OVER = re.compile(
    r"\b(however|usually|later|otherwise|recall|other values|learned|actual\w*|real|suppose|assume|instead)\b|\n\s*#", re.IGNORECASE
)
_ENDS = re.compile(r"[.!?](\s|$)|\n\s*#")
_THUS = re.compile(
    r"\b(thus|hence|therefore|so|then|gives?|yields?|implies|obtain|follows|(we|one) (have|has|get|gets|see|find)|means)( that)?[\s:,$(\\\[]*$",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[.!?;:]\s|\n\s*\n|\\item|\$\$|\\\[")
_NOT = re.compile(r"(\b(not|no|nor|never|without|neither|unless|were|fails?|hardly)\b|n't)[^,;]{0,30}symmetric", re.IGNORECASE)
_MARKS = re.compile(r"\\(emph|textbf|textit|text)\b|[{}$*_]|\\[()]")
_KIND = r"(an? |real |square |both |positive |(semi-?)?definite |positive-(semi)?definite |and |invertible |diagonal |constant |given )*"
_BEFORE = re.compile(r"(?<![\w-])symmetric (?!part\b)(\w+ )?(\w+ )?$", re.IGNORECASE)
_AFTER = re.compile(
    rf"^[ (,]*(is |are |be |to be |being |which is |that is )?{_KIND}symmetric\b(?! (part|in|with)\b)", re.IGNORECASE
)
_GENERAL = re.compile(
    r"\b(in general|general case|(more )?generally|for (a )?general|for (an )?arbitrary|no longer|later step|after training"
    r"|(every|all|any|general) \$?T)\b",
    re.IGNORECASE,
)
_ANY = re.compile(r"\b(altogether|any|either|regardless|whatever|always|arbitrary|may be)\b", re.IGNORECASE)
_BUT = re.compile(
    r"\b(unless|without|not|never|no longer|instead of|rather than|except( when| if| for)?)\b[^.,;$]{0,25}[\s$({\\]*$",
    re.IGNORECASE,
)
_ISNT = re.compile(
    r"^[\s$)}\\]*(does not|doesn't|do not|don't|need not|is not|isn't|are not|cannot|can't|will not|won't|no longer|were|fails?)\b",
    re.IGNORECASE,
)
SAID = "an assumption"
SETTING_SAID = "a case that is set: the network computes it from inputs, which have no numbers here"


def denied(checker: Checker) -> bool:
    """Whether the words around a formula say that it does not hold, or that it isn't assumed."""
    return _BUT.search(checker.said.before) is not None or _ISNT.search(checker.said.after) is not None


def ended(checker: Checker, part: Part, words: str) -> None:
    """Words that go back from a special case to every one: "in general"; a sentence of a setting ends with it."""
    if _ENDS.search(words):
        part.cases[:] = [case for case in part.cases if not case.computed or case.firm or _at_an_instant(case)]
    if GENERAL.search(words) or _OVER.search(words):
        part.cases[:] = [case for case in part.cases if not case.computed]
    if GENERAL.search(words) or _ANY.search(words):
        over(part)
    if _GENERAL.search(words):
        part.cases[:] = [case for case in part.cases if case.lasting]
        checker.said.last = None
        over(part)


def over(part: Part) -> None:
    """The numbers that the document gave were those of a case, which is over."""
    part.said.update(dict.fromkeys(part.said, -LATEST - 1))


def symmetric(checker: Checker, formula: Formula, text: str) -> None:
    """A name beside the word "symmetric": a special case that later lines may be in."""
    before = _SENTENCE.split(text[max(0, formula.start - 120) : formula.start])[-1]
    after = _SENTENCE.split(text[formula.end : formula.end + 80])[0]
    before, after = (" ".join(_MARKS.sub(" ", s).split()) for s in (before, after))
    beside = _BEFORE.search(before + " ") or _AFTER.search(after)
    if not beside or _NOT.search(f"{before} it {after}") or len(formula.tex) > 40:
        return
    scope = checker.part.scope
    try:
        node = parse(formula.tex, scope.words)
    except DeriveError:
        return
    found = names.find(Meaning(scope, Reading(), formula.tex), node) if isinstance(node, Symbol | Scripted) else None
    if found is None or found.places or found.bar or found.exponent is not None:
        return
    if _remember_symmetric(checker, found.expr):
        checker.reconsider()


def _remember_symmetric(checker: Checker, v: Expr) -> bool:
    """Whether v is an input that can be symmetric: then it may be half of any matrix and its transpose."""
    system = checker.part.scope.system
    if not isinstance(v, Var) or v.time is not None or len(v.shape) != 2 or v.shape[0] != v.shape[1]:
        return False
    if system is not None and system.owner(v) is not None:
        return False
    other = var(f"any_{v.name}", v.shape)
    half = sympy.Rational(1, 2)
    value = lin([(half, other), (half, transpose(other))], v.shape)
    checker.part.cases.insert(0, Case(f"{v.name} is symmetric", v, value, len(checker.lines)))
    return True


def _function(checker: Checker, link: Link) -> Case | None:
    """φ(z) = … for a φ that the network leaves open, and φ(z) = tanh(z) beside another activation."""
    left = link.left
    if not isinstance(left, Product) or len(left.factors) != 2 or not isinstance(left.factors[0][1], Symbol):
        return None
    name, fence = left.factors[0][1], left.factors[1][1]
    m = Meaning(checker.part.scope, Reading(), link.source)
    known = calls.function_of(m, name)
    if known is None or not isinstance(fence, Fence) or not (_open(known[1]) or _another(m, link, name)):
        return None
    items = fence.body.items if isinstance(fence.body, Commas) else (fence.body,)
    if not all(isinstance(i, Symbol) for i in items) or name in walk(link.right):
        return None
    parameters = tuple((i.head, i.accents) for i in items if isinstance(i, Symbol))
    return Case(link.tex, name.head, Template(parameters, link.right, link.source), len(checker.lines))


def _open(fn: object) -> bool:
    return isinstance(fn, OpenFunction) or getattr(fn, "style", "") == "open"


def _another(m: Meaning, link: Link, name: Symbol) -> bool:
    """Whether the right side is nothing but another function of the table, of the same argument."""
    right = link.right
    if not isinstance(right, Product) or len(right.factors) != 2 or not isinstance(link.left, Product):
        return False
    other = right.factors[0][1]
    mine, theirs = calls.function_of(m, name), calls.function_of(m, other)
    return (
        isinstance(other, Symbol)
        and name.head not in ops.POINTWISE
        and mine is not None
        and theirs is not None
        and isinstance(theirs[1], ops.Function | ops.Composition)
        and mine[1] is not theirs[1]
        and right.factors[1][1] == link.left.factors[1][1]
    )


def judged(checker: Checker, link: Link, line: Line) -> Line | None:
    """The line where it holds in a special case that the document takes."""
    found = under(checker, link) if checker.part.cases else None
    return replace(line, verdict=found[0], reason=found[1], bound=found[2]) if found is not None else None


def under(checker: Checker, link: Link) -> tuple[str, str, str | None] | None:
    """(verdict, reason, bound) of a relation that holds in one of the special cases, the latest first, or in all of them at once."""
    recent = {case.name: case for case in reversed(checker.part.cases) if len(checker.lines) - case.n <= case.reach}
    groups = [[case] for case in reversed(recent.values()) if not (case.computed and _timed(case))]
    together = [case for case in recent.values() if isinstance(case.value, Expr)]
    if len(together) > 1 and checker.part.scope.system is not None:
        groups.append(together)
    lasting = [case for case in recent.values() if case.lasting]
    if len(lasting) > 1 and lasting not in groups:
        groups.append(lasting)
    for group in groups:
        scope = checker.part.scope
        try:
            for case in group:
                checker.part.scope = _scope_in(checker, checker.part.scope, case)
            if (found := _holds_in(checker, link, group, scope.system)) is not None:
                return found
        except DeriveError:
            continue
        finally:
            checker.part.scope = scope
    return None


def _scope_in(checker: Checker, scope: Scope, case: Case) -> Scope:
    """The names of a document in a special case."""
    inside = scope.copy()
    if isinstance(case.value, Template):
        inside.functions[str(case.name)] = case.value
        if scope.system is not None:
            inside.system = _with_function(checker, scope, scope.system, case)
    elif scope.system is not None:
        inside.system = special(checker, scope.system, case)
    return inside


def _holds_in(checker: Checker, link: Link, group: list[Case], system: System | None) -> tuple[str, str, str | None] | None:
    said = " and ".join(case.text for case in group)
    zero = {k: v for case in group for k, v in (_vanishing(case) or {}).items()}
    claims = checker.claims(link)[0]
    for claim in claims:
        if claim.strangers or any(_by_its_own_name(claim, case, system) for case in group):
            continue
        told = zero and (claim is claims[0] or checker.says(claim))
        if told and checker.court().judge(claim.left, claim.right, values=zero, budget=2.0, explain=False).holds:
            return "agrees", f"where {said}", "2^-120 at the sizes tried"
        if system is None:
            for case in group:
                claim = replace(claim, left=_put(claim.left, case), right=_put(claim.right, case))
        firm = claim is claims[0] and all(case.lasting for case in group)  # then 0 = 0 says something, too
        verdict = checker.decide(claim, quick=not firm)
        if verdict is not None and verdict.holds:
            return verdict.verdict, f"{verdict.reason}; where {said}", verdict.bound
    return None


def _by_its_own_name(claim: Claim, case: Case, system: System | None) -> bool:
    """v_c in a line about the mean of a window, which elsewhere stands for v_c: here v_c is meant."""
    if not isinstance(case.value, Expr) or system is None or not any(system.owner(v) is not None for v in case.value.atoms(Var)):
        return False
    return case.name in claim.left.atoms(Var) | claim.right.atoms(Var)


def special(checker: Checker, system: System, case: Case) -> System:
    """The network in which an input has this form."""
    assert isinstance(case.name, Var) and isinstance(case.value, Expr)
    key = (id(system), case.text)
    if key not in checker.special and (
        case.name.time is not None or any(system.owner(v) is not None for v in case.value.atoms(Var))
    ):
        return system
    if key not in checker.special:
        checker.special[key] = replace(
            system,
            declared=tuple(v for v in system.declared if v is not case.name)
            + tuple(v for v in case.value.atoms(Var) if v.name not in system.quantities),
            equations=(Equation(case.name, case.value, case.text), *(e for e in system.equations if e.left is not case.name)),
        )
    return checker.special[key]


def _at_an_instant(case: Case) -> bool:
    return isinstance(case.name, Var) and case.name.time is not None and not case.name.time.base


def _timed(case: Case) -> bool:
    return isinstance(case.name, Var) and case.name.time is not None


def _vanishing(case: Case) -> dict[str, object] | None:
    """The numbers of an initial value that is zero, h_0 = 0."""
    v = case.name
    if (
        not isinstance(v, Var)
        or v.time is None
        or v.time.base
        or not isinstance(case.value, Expr)
        or constant_value(case.value) != 0
    ):
        return None
    sizes = [int(d) if d.is_Integer else ENTRIES for d in v.shape]
    return {v.key: np.zeros(sizes, dtype=int).tolist()}


def _with_function(checker: Checker, scope: Scope, system: System, case: Case) -> System:
    """The network in which an open function is the chosen one."""
    known, template = scope.functions.get(str(case.name)), case.value
    key = (id(system), case.text)
    if (
        not isinstance(template, Template)
        or len(template.parameters) != 1
        or not isinstance(known, ops.Function)
        or not _open(known)
    ):
        return system
    if key not in checker.special:
        m = Meaning(scope, Reading(), template.source)
        m.local["argument", ()] = Value(var("argument"))

        def put(e: Expr) -> Expr:
            if not isinstance(e, Map) or e.fn is not known or e.order:
                return e
            m.local["argument", ()] = Value(e.arg)
            return calls._template(m, template, Symbol("argument"), Symbol("argument")).expr

        checker.special[key] = replace(system, equations=tuple(replace(q, right=rebuild(q.right, put)) for q in system.equations))
    return checker.special[key]


def _put(e: Expr, case: Case) -> Expr:
    def put(n: Expr) -> Expr:
        if n is case.name and isinstance(case.value, Expr):
            return case.value
        return jac(_put(n.top, case), n.below, n.direct) if isinstance(n, Jac) and n.below is not case.name else n

    return rebuild(e, put)
