"""The slip behind a wrong line: one edit of the person's own formula (two where one doesn't do) that makes it right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from derive.check.lines import Slip
from derive.reader.statements import Link

if TYPE_CHECKING:
    from derive.check.checker import Checker, Claim


def search(checker: Checker, link: Link, claim: Claim | None) -> Slip | None:
    return None


def scalar_form(checker: Checker, link: Link) -> bool:
    return False


def truth(checker: Checker, link: Link) -> str | None:
    return None


def expected(checker: Checker, link: Link) -> str | None:
    return None
