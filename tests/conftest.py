"""What tests share: skips that say why, and none at all in CI."""

from __future__ import annotations

import gc
import os
import shutil

import pytest

PROGRAMS = {"tex": "pdflatex", "browser": "chromium"}


@pytest.fixture(scope="module", autouse=True)
def _nothing_of_other_modules_is_searched_again() -> None:
    """What earlier modules left is taken from the garbage collector: a search of it all takes longer than some budgets of ours."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test that needs a program that isn't there says so; where nothing may be skipped it fails."""
    for mark, program in PROGRAMS.items():
        if item.get_closest_marker(mark) and shutil.which(program) is None:
            message = f"{program} is not installed (see `derive doctor`)"
            if os.environ.get("DERIVE_NO_SKIP"):
                pytest.fail(message)
            pytest.skip(message)
