"""Doctor, backup and restore as a person meets them."""

from __future__ import annotations

from pathlib import Path

from cuadra.faces.cli.context import told
from tests.faces.conftest import Cuadra
from tests.world import World


def test_the_doctor_speaks_spanish_to_its_last_word(world: World, cuadra: Cuadra) -> None:
    answer = cuadra("doctor", lang="es")
    assert "shop: activo, su origen se puede leer" in answer.out
    world.drop().rmdir()
    answer = cuadra("doctor", lang="es")
    assert answer.code == 1
    assert f"shop: La carpeta {world.drop()} no existe" in answer.out
    assert f"shop: The folder {world.drop()} does not exist" in cuadra("doctor").out
    assert "does not exist" in cuadra("doctor", "--json", lang="es").out, "JSON is for programs"


def test_a_backup_tells_its_progress_in_spanish(cuadra: Cuadra, tmp_path: Path) -> None:
    answer = cuadra("backup", tmp_path / "all.zip", lang="es")
    assert answer.code == 0, answer.err
    assert "Contando lo que hay …" in answer.err


def test_progress_with_places_is_filled_after_it_is_translated(cuadra: Cuadra, capsys: object) -> None:
    cuadra("reasons", lang="es")
    told("Saving … {done} so far", done="1.0 MB")
    assert "Guardando … 1.0 MB hasta ahora" in capsys.readouterr().err  # type: ignore[attr-defined]
