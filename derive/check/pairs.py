"""Two edits at once, found without trying all pairs: their effects on the values add up, or multiply, to what is needed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from derive.check.edits import Edit
from derive.check.point import LANES, LEAST, ROUGH
from derive.check.trial import Trial, Worth

MOST = 400  # edits that are paired
CONFIRMED = 30  # pairs that are put to the judge
DEAREST = 4.6  # the costs of both
BULKY = 3.2  # the same, where one of them puts in or takes out much
RANK = ("time", "bar", "term", "symbol", "inverse", "argument", "factor", "sign", "transpose", "order", "value", "shape")


def joined(*edits: Edit) -> Edit:
    """Several edits as one: its kind is the weightiest of theirs."""
    kinds = {e.kind for e in edits}
    kind = next(k for k in RANK if k in kinds)
    ordered = sorted(edits, key=lambda e: (RANK.index(e.kind), e.changes))
    words = "; ".join(dict.fromkeys(e.words for e in ordered))
    changes = tuple(sorted({c for e in edits for c in e.changes}))
    return Edit(kind, sum(e.cost for e in edits), changes, words, min(e.side for e in edits))


def apart(e: Edit, f: Edit) -> bool:
    """Whether two edits don't touch each other."""
    return all(b <= c or d <= a for a, b, _ in e.changes for c, d, _ in f.changes) and not {c[:2] for c in e.changes} & {
        c[:2] for c in f.changes
    }


def bulky(e: Edit) -> bool:
    """Whether an edit puts in or takes out much: two such are a rewriting, not two slips."""
    return e.kind in ("term", "factor", "inverse") and any(abs(len(new) - (b - a)) > 6 for a, b, new in e.changes)


def _likely(e: Edit, f: Edit) -> bool:
    """Whether two edits are two slips rather than another line."""
    if bulky(e) or bulky(f):
        return not (bulky(e) and bulky(f)) and bool(e.side and f.side) and e.cost + f.cost <= BULKY
    return e.cost + f.cost <= DEAREST


def best_pair(trial: Trial) -> Edit | None:
    """Two edits that make the relation hold, the likeliest that are found."""
    with np.errstate(all="ignore"):
        found = pairs(trial)
    for k, pair in enumerate(found):
        if k >= CONFIRMED or trial.spent():
            break
        if trial.holds(trial.page.applied(pair.changes)):
            return pair
    return None


def pairs(trial: Trial) -> list[Edit]:
    """Pairs whose values fit, by cost."""
    base = trial.worth_now()
    if base is None:
        return []
    known = sorted(((e, w) for e, w in trial.values.items() if e.kind != "value"), key=lambda i: i[0].cost)
    right = [(e, w) for e, w in known if e.side == 1][:MOST]
    left = [(e, w) for e, w in known if e.side == 0][:MOST]
    found = [*_added(trial, base, right), *_multiplied(trial, base, right), *_both_sides(trial, base, left, right)]
    good = [joined(e, f) for e, f in found if apart(e, f) and _likely(e, f)]
    return sorted(good, key=lambda e: (e.cost, e.changes))


def _effects(trial: Trial, base: Worth, edits: list[tuple[Edit, Worth]]) -> tuple[list[Edit], np.ndarray]:
    """What each edit adds to the right side, seen through a random projection of the entries."""
    size = base.value.shape[-1]
    through = np.random.default_rng(1).normal(size=size)
    kept, rows = [], []
    for e, w in edits:
        change = _change(trial, base, w)
        if change is not None and change.shape[-1] == size:
            kept.append(e)
            rows.append(change @ through)
    return kept, np.array(rows).reshape(len(rows), len(LANES))


def _change(trial: Trial, base: Worth, w: Worth) -> np.ndarray | None:
    if w.term is None:
        return w.value - base.value if w.value.shape == base.value.shape and w.target.shape == base.target.shape else None
    own = trial.term_now(w.term)
    if own is None or trial.terms is None or own.shape != w.value.shape:
        return None
    return trial.terms.signs[w.term] * (w.value - own)


def _matches(total: np.ndarray, target: np.ndarray, scale: np.ndarray) -> Iterator[tuple[int, int]]:
    """Index pairs of a table of sums that agree with the target in every lane that has values."""
    there = np.isfinite(total) & np.isfinite(target)
    same = (np.abs(total - target) <= 10 * ROUGH * scale) | ~there
    good = same.all(axis=-1) & (there.sum(axis=-1) >= LEAST)
    yield from zip(*np.nonzero(good), strict=True)  # type: ignore[misc]


def _added(trial: Trial, base: Worth, right: list[tuple[Edit, Worth]]) -> Iterator[tuple[Edit, Edit]]:
    edits, effects = _effects(trial, base, right)
    if not len(edits) or base.target.shape != base.value.shape:
        return
    through = np.random.default_rng(1).normal(size=base.value.shape[-1])
    needed = (base.target - base.value) @ through
    total = effects[:, None, :] + effects[None, :, :]
    scale = np.abs(effects)[:, None, :] + np.abs(effects)[None, :, :] + np.abs(needed)
    for i, j in _matches(total, needed, scale):
        if i < j and np.any(np.abs(effects[i]) > 0) and np.any(np.abs(effects[j]) > 0):
            yield edits[i], edits[j]


def _multiplied(trial: Trial, base: Worth, right: list[tuple[Edit, Worth]]) -> Iterator[tuple[Edit, Edit]]:
    """Edits of two factors of one term."""
    for term in {w.term for _, w in right}:
        some = [(e, w) for e, w in right if w.term == term]
        own = base.value if term is None else trial.term_now(term)
        if own is None:
            continue
        some = [(e, w) for e, w in some if w.value.shape == own.shape == w.target.shape]
        if len(some) < 2:
            continue
        picked = [0, own.shape[-1] - 1]
        values = np.array([w.value[:, picked].ravel() for _, w in some])
        total = values[:, None, :] * values[None, :, :] / own[:, picked].ravel()
        target = some[0][1].target[:, picked].ravel()
        for i, j in _matches(total, target, np.abs(total) + np.abs(target)):
            if i < j:
                yield some[i][0], some[j][0]


def _both_sides(
    trial: Trial, base: Worth, left: list[tuple[Edit, Worth]], right: list[tuple[Edit, Worth]]
) -> Iterator[tuple[Edit, Edit]]:
    """One edit on each side."""
    edits, effects = _effects(trial, base, right)
    others = [(e, w.value) for e, w in left if w.value.shape == base.value.shape]
    if not edits or not others:
        return
    through = np.random.default_rng(1).normal(size=base.value.shape[-1])
    sides = np.array([v @ through for _, v in others])
    values = effects + base.value @ through
    scale = np.abs(sides)[:, None, :] + np.abs(values)[None, :, :]
    for i, j in _matches(sides[:, None, :] - values[None, :, :], np.zeros(len(LANES)), scale):
        yield others[i][0], edits[j]


__all__ = ["apart", "best_pair", "joined"]
