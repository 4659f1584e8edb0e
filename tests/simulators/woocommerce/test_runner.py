"""The shop as a program."""

from __future__ import annotations

import re
import threading

import pytest
from woocommerce import API

from cuadra_simulators.woocommerce.__main__ import main


def test_the_program_lives_until_it_is_stopped() -> None:
    stop, said = threading.Event(), list[str]()
    answers: list[int] = []

    def say(text: str) -> None:
        said.append(text)
        if len(said) == 30:
            url = re.search(r"http://\S+", said[0])
            key = said[1].split()[-2:]
            assert url
            answers.append(API(url[0], *key, timeout=20).get("orders", params={"per_page": 1}).status_code)
            stop.set()

    arguments = [
        "--port",
        "0",
        "--seed",
        "4",
        "--orders",
        "30",
        "--pace",
        "0",
        "--queue",
        "1",
        "--fault",
        "skip_item=0.5",
    ]
    assert main(arguments, stop=stop, say=say) == 0
    assert answers == [200]
    assert "GET orders" in said[-1]
    assert any(line.startswith("place") for line in said)


def test_the_program_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--fault", "earthquake=1"])
    assert "there is no fault «earthquake»" in capsys.readouterr().err
