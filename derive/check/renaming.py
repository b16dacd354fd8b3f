"""Edits of names: bars, transposes, instants, indices, and other names in their place."""

from __future__ import annotations

import copy
import re
from functools import cached_property

from derive.check.page import Change, Name, accented
from derive.check.splices import TRANSPOSES, Scribe, said
from derive.expr import DeriveError, Expr, Instant, Var
from derive.reader.scope import Named, flat
from derive.reader.syntax import (
    Big,
    Fence,
    Node,
    Scripted,
    Symbol,
    walk,
)


class Names(Scribe):
    """Every single edit of a name."""

    def _name(self, name: Name, differential: bool) -> None:
        found = name.found
        if found is None:
            if self.unknown(name):
                self._siblings(name, None)
            return
        if not differential:
            self._bar(name)
            self._one_minus(name)
            new = self._name_transposed(name) if found.named.expr.shape else None
            if new is not None:
                self.add("transpose", 1.2, name.node.start, name.node.end, new)
            if isinstance(name.node, Scripted) and found.exponent is not None and flat(found.exponent) not in TRANSPOSES:
                self._powers(name.node)
            elif found.exponent is None:
                self._squared(name)
        self._times(name)
        self._indices(name)
        self._siblings(name, found.named)

    def unknown(self, name: Name) -> bool:
        """Whether nothing gives the name a meaning: sizes, constants and the loss under another letter have one."""
        try:
            value = copy.copy(self.page.m).value(name.node)
        except (DeriveError, RecursionError, ArithmeticError):
            return True
        return any(v.name.startswith(("stranger_", "free_")) for v in value.expr.atoms(Var))

    def _squared(self, name: Name) -> None:
        a, b = name.node.start, name.node.end
        text = self.text(a, b)
        shape = name.found.expr.shape if name.found is not None else ()
        base = text if not (isinstance(name.node, Scripted) and name.node.sup is not None) else f"{{{text}}}"
        self.add("argument", 1.7, a, b, f"{base}^2")
        if len(shape) == 2:
            self.add("inverse", 1.8, a, b, f"{base}^{{-1}}")

    def _powers(self, node: Scripted) -> None:
        if node.sup is None:
            return
        power = flat(node.sup)
        a, b = self._script_start(node.sup), self._script_end(node.sup)
        if power in TRANSPOSES:
            self.add("transpose", 1.2, a, b, "", f"{said(self.text(node.start, a))} for {said(self.text(node.start, b))}")
        elif power == "-1":
            self.add("inverse", 1.4, a, b, "", f"{said(self.text(node.start, a))} for {said(self.text(node.start, b))}")
        elif power == "2":
            self.add("argument", 1.5, a, b, "", f"{said(self.text(node.start, a))} for {said(self.text(node.start, b))}")

    def _bar(self, name: Name) -> None:
        assert name.found is not None
        a, b = name.letter.start, name.letter.end
        text = self.text(a, b)
        if name.found.bar:
            inner = re.fullmatch(r"\\(?:bar|overline)\s*(?:\{(.*)\}|(\\?\w+))", text)
            if inner is None and "bar" in name.letter.accents:  # \bar{h_t}: around the whole name
                a, b = self._around(name.letter, r"\\(?:bar|overline)\s*\{")
                inner = re.fullmatch(r"\\(?:bar|overline)\s*\{(.*)\}", self.text(a, b))
            if inner is not None:
                self.add("bar", 1.05, a, b, inner[1] or inner[2])
        elif isinstance(name.found.expr, Expr):
            system = self.page.scope.system
            given = self.side and system is not None and getattr(name.found.expr, "name", "") not in system.by_name
            self.add("bar", 1.7 if given else 1.1, a, b, rf"\bar{{{text}}}")  # on the right few adjoints of what is given stand

    def _around(self, node: Node, opening: str) -> tuple[int, int]:
        found = re.search(opening + r"\s*$", self.page.text[: node.start])
        start = found.start() if found else node.start
        end = self.page.text.find("}", node.end) + 1
        return start, end or node.end

    def _one_minus(self, name: Name) -> None:
        a, b = name.node.start, name.node.end
        self.add("argument", 1.5, a, b, f"(1 - {self.text(a, b)})")

    def _name_transposed(self, name: Name) -> str | None:
        """The name with a transpose put on or taken off."""
        assert name.found is not None
        a, b = name.node.start, name.node.end
        text, exponent = self.text(a, b), name.found.exponent
        if exponent is None:
            if name.found.primes:
                return None
            raised = isinstance(name.node, Scripted) and name.node.sup is not None
            return rf"{{{text}}}^{self.top}" if raised else f"{text}^{self.top}"
        if flat(exponent) not in TRANSPOSES:
            return None
        assert isinstance(name.node, Scripted) and name.node.sup is not None
        if exponent is name.node.sup:
            cut, end = self._script_start(exponent), self._script_end(exponent)
            return self.text(a, cut) + self.text(end, b)
        return self.text(a, exponent.start).rstrip(", ") + self.text(exponent.end, b)

    def _times(self, name: Name) -> None:
        """Other instants, one or two steps away."""
        assert name.found is not None
        if name.time is None or name.found.instant is None:
            return
        for steps, cost in ((1, 1.15), (-1, 1.15), (2, 1.5), (-2, 1.5)):
            a, b, new = self.at_instant(name, steps)
            if new is not None:
                whole = self.page.of(name.node)
                changed = self.text(name.node.start, a) + new + self.text(b, name.node.end)
                self.add("time", cost, a, b, new, f"{said(changed)} for {said(whole)}")
        for other in self._other_instants(name):
            a, b = name.time.start, name.time.end
            self.add("time", 1.6, a, b, self.script(a, other))

    def _other_instants(self, name: Name) -> list[str]:
        """Instants with another letter that occur in this relation: T for t, k for t."""
        assert name.found is not None and name.found.instant is not None
        found: dict[str, None] = {}
        for other in self.page.all_names:
            when = other.found.instant if other.found is not None else None
            if other.time is not None and when is not None and when.base != name.found.instant.base:
                found[self.page.of(other.time)] = None
        return list(found)

    def at_instant(self, name: Name, steps: int) -> tuple[int, int, str | None]:
        """The splice that moves a name in time."""
        assert name.time is not None and name.found is not None and name.found.instant is not None
        a, b = name.time.start, name.time.end
        when: Instant = name.found.instant.shifted(steps)
        if not when.base:
            return a, b, str(when.offset) if when.offset >= 0 else None
        letter = next((n for n in walk(name.time) if isinstance(n, Symbol)), None)
        if letter is None:
            return a, b, None
        text = self.page.of(letter) + (f"{when.offset:+d}" if when.offset else "")
        return a, b, self.script(a, text)

    @cached_property
    def letters(self) -> dict[str, None]:
        """The indices of this relation."""
        letters: dict[str, None] = {}
        for other in self.page.all_names:
            for p in other.places:
                letters[self.page.of(p)] = None
        for n in (n for part in self.page.parts for n in walk(part)):
            if isinstance(n, Big) and n.sub is not None and isinstance(first := next(walk(n.sub)), Node):
                letters.update(dict.fromkeys(self.page.of(s) for s in walk(first) if isinstance(s, Symbol)))
        return letters

    def _indices(self, name: Name) -> None:
        """Another index letter or place of this relation."""
        for p in name.places:
            for text in self.letters:
                if text and text != self.page.of(p):
                    self.add("symbol", 1.5, p.start, p.end, self.script(p.start, text))

    def _siblings(self, name: Name, named: Named | None) -> None:
        seen: set[Expr] = set()
        written = {(n.letter.head, _bare(n.letter.accents)) for n in self.page.all_names}
        for cost, key, other in self.others(name, named, written):
            if other.expr in seen:
                continue
            changes = self.renamed(name, key, other)
            if changes is None:
                continue
            seen.add(other.expr)
            new = self.spliced(name, changes)
            self.put("symbol", cost, changes, f"{said(new)} for {said(self.page.of(name.node))}")

    def spliced(self, name: Name, changes: tuple[Change, ...]) -> str:
        text = self.page.applied(changes)
        return text[name.node.start : name.node.end + len(text) - len(self.page.text)]

    def others(
        self, name: Name, named: Named | None, written: set[tuple[str, tuple[str, ...]]]
    ) -> list[tuple[float, tuple[str, tuple[str, ...]], Named]]:
        found = []
        own = (name.letter.head, _bare(name.letter.accents))
        for key, options in self.page.scope.names.items():
            for other in options:
                if named is not None and (other.expr is named.expr or other.sequential != named.sequential):
                    continue
                same_letter = key == own
                same_shape = named is None or other.expr.shape == named.expr.shape
                if not (same_letter or same_shape or key in written):
                    continue
                cost = (
                    1.3
                    + (0 if same_shape else 0.1 if same_letter else 0.3)
                    + (0 if same_letter else 0.15 if key in written else 0.3)
                )
                found.append((cost, key, other))
        return sorted(found, key=lambda f: f[0])

    def renamed(self, name: Name, key: tuple[str, tuple[str, ...]], other: Named) -> tuple[Change, ...] | None:
        """The splices that write another name in the place of this one, with its bar, instant and indices."""
        changes: list[Change] = []
        bar = ("bar",) if name.letter.accents[-1:] == ("bar",) and (name.found is None or name.found.bar) else ()
        letter = name.letter
        if (letter.head, _bare(letter.accents)) != key:
            inside = self.text(letter.start, letter.end)
            if bar and "bar" not in inside and "overline" not in inside:  # \bar{h_t}
                new = self.page.letter(*key)
            else:
                new = self.page.letter(key[0], (*key[1], *bar)) if not bar else accented(self.page.letter(*key), bar)
            changes.append((letter.start, letter.end, new))
        tag = "".join(c for c in "".join(map(flat, name.tag)) if c.isalnum())
        if tag != other.tag:
            change = self._retagged(name, other)
            if change is None:
                return None
            changes.append(change)
        return tuple(changes) if changes else None

    def _retagged(self, name: Name, other: Named) -> Change | None:
        """The splice that gives a name another tag, or none, or one where it has none."""
        if name.tag and other.tag:
            a, b = min(t.start for t in name.tag), max(t.end for t in name.tag)
            return a, b, self.script(a, other.tag)
        if name.tag:
            return self._untagged(name)
        at = name.letter.end
        if isinstance(name.node, Scripted) and name.node.sub is not None:
            if name.time is None and not name.places:
                return None
            sub = name.node.sub
            return sub.start, sub.end, self.script(sub.start, f"{other.tag}, {self.page.of(sub)}")
        scripted = isinstance(name.node, Scripted)
        raised = other.tag.isdigit() and any(
            isinstance(n.node, Scripted) and n.tag and n.node.sup is not None for n in self.page.all_names
        )
        return (at, at, f"^{{({other.tag})}}") if raised and not scripted else (at, at, f"_{{{other.tag}}}")

    def _untagged(self, name: Name) -> Change | None:
        """Without its tag: the whole script, or the bracket in it."""
        assert isinstance(name.node, Scripted)
        for script in (name.node.sub, name.node.sup):
            if script is None or not all(script.start <= t.start and t.end <= script.end for t in name.tag):
                continue
            if "".join(map(flat, name.tag)) == flat(script):
                return self._script_start(script), self._script_end(script), ""
            inside = next((n for n in walk(script) if isinstance(n, Fence) and n.body in name.tag), None)
            return (inside.start, inside.end, "") if inside is not None else None
        return None


def _bare(accents: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(a for a in accents if a != "bar")
