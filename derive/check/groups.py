"""One slip made in several places: a name, a tag or a shift in time that is wrong wherever it occurs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from derive.check.edits import Edit, Editor, said
from derive.check.page import Change, Name, Page, values
from derive.reader.scope import flat
from derive.reader.syntax import Fence, Node, Sum


def everywhere(page: Page) -> Iterator[Edit]:
    """Edits of several places at once, of both sides."""
    editor = Editor(page, 1)
    yield from _names(page, editor)
    for side in (1, 0):
        for node in _groups(page.parts[side]):
            names = [n for n in page.names_in(node) if n.found is not None]
            yield from _shifts(page, editor, names, side)
            yield from _tags(page, editor, names, side)
    yield from _shifts(page, editor, [n for n in page.all_names if n.found is not None], 1)


def _groups(root: Node) -> list[Node]:
    """What may carry one slip: a side, its terms, its brackets."""
    found = [root]
    if isinstance(root, Sum):
        found += [t for _, t in root.terms]
    found += [n.body for n in values(root) if isinstance(n, Fence)]
    return found


def _names(page: Page, editor: Editor) -> Iterator[Edit]:
    """Another name in place of one that occurs more than once."""
    groups: dict[object, list[Name]] = defaultdict(list)
    for n in page.all_names:
        if n.found is None and not editor.unknown(n):
            continue
        key = n.found.named.expr if n.found is not None else (n.letter.head, n.letter.accents, tuple(map(flat, n.tag)))
        groups[key].append(n)
    written = {(n.letter.head, tuple(a for a in n.letter.accents if a != "bar")) for n in page.all_names}
    for names in groups.values():
        if len(names) < 2:
            continue
        right = [n for n in names if n.node.start >= page.bounds[1][0]]
        left = [n for n in names if n.node.start < page.bounds[1][0]]
        for some in (names, right, left) if left and right else (names,):
            if len(some) > 1:
                yield from _renamed(page, editor, some, written)


def _renamed(page: Page, editor: Editor, names: list[Name], written: set) -> Iterator[Edit]:
    named = names[0].found.named if names[0].found is not None else None
    for cost, key, other in editor.others(names[0], named, written):
        splices = [editor.renamed(n, key, other) for n in names]
        if all(s is not None for s in splices):
            changes = tuple(sorted({c for s in splices if s is not None for c in s}))
            first = splices[0]
            assert first is not None
            words = f"{said(editor.spliced(names[0], first))} for {said(page.of(names[0].node))}, in {len(names)} places"
            yield Edit("symbol", cost + 0.3, changes, words, 1 if names[-1].node.start >= page.bounds[1][0] else 0)


def _shifts(page: Page, editor: Editor, names: list[Name], side: int) -> Iterator[Edit]:
    """The same step in time for all of some names."""
    timed = [
        n for n in names if n.time is not None and n.found is not None and n.found.instant is not None and n.found.instant.base
    ]
    if len(timed) < 2:
        return
    for steps in (1, -1):
        splices = [editor.at_instant(n, steps) for n in timed]
        if all(new is not None for _, _, new in splices):
            changes = tuple(sorted({(a, b, new) for a, b, new in splices if new is not None}))
            words = f"all instants one {'later' if steps > 0 else 'earlier'}"
            yield Edit("time", 1.55 + (0.0 if side else page.left_cost), changes, words, side)


def _tags(page: Page, editor: Editor, names: list[Name], side: int) -> Iterator[Edit]:
    """W_o h + b_o for W_f h + b_f: another tag for all names that have it."""
    groups: dict[str, list[Name]] = defaultdict(list)
    for n in names:
        if n.tag and n.found is not None:
            groups[n.found.named.tag].append(n)
    for tag, some in groups.items():
        if len(some) < 2:
            continue
        keys = [(n.letter.head, tuple(a for a in n.letter.accents if a != "bar")) for n in some]
        options = [{o.tag: o for o in page.scope.names.get(k, ())} for k in keys]
        for other in sorted(set.intersection(*(set(o) for o in options)) - {tag, ""}):
            changes: list[Change] = []
            for n, key, known in zip(some, keys, options, strict=True):
                changes += editor.renamed(n, key, known[other]) or ()
            if changes:
                words = f"the names with {other} for those with {tag}"
                yield Edit("symbol", 1.5 + (0.0 if side else page.left_cost), tuple(sorted(set(changes))), words, side)
