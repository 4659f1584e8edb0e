"""The demo does what it does once, and is content with it."""

from __future__ import annotations

import pytest

from tests.faces.conftest import Cuadra


@pytest.mark.parametrize("words", [(), ("--once",)])
def test_the_demo_ends_well_although_its_shop_has_failures(cuadra: Cuadra, words: tuple[str, ...]) -> None:
    answer = cuadra("demo", "--orders", "300", *words)
    assert answer.code == 0, answer.err
    assert "Five questions worth asking" in answer.out
    assert "failed" in answer.out
