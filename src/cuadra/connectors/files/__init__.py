"""Files: sets of CSV, or JSON lines, that an ERP, a till or an export drops into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from cuadra.connectors.base import Info, Offer, Place, Progress, Reader, SettingSpec
from cuadra.connectors.files import sets
from cuadra.connectors.files.layout import Layout, load, own_layout
from cuadra.connectors.files.offer import SetOffer
from cuadra.connectors.files.read import SetFile, reader
from cuadra.errors import UsageError

_SETTINGS = (
    SettingSpec(
        "path", "Folder in which file sets are dropped, or one file.",
        "Carpeta en la que se dejan los conjuntos de archivos, o un archivo.", required=True, place=True,
    ),
    SettingSpec(
        "mapping", "Mapping file (TOML) that says which column is what; without it, Cuadra's own layout.",
        "Archivo de mapeo (TOML) que dice qué es cada columna; sin él, el formato propio de Cuadra.", place=True,
    ),
)  # fmt: skip


class FilesConnector:
    """The connector of file sets; see `base.Connector`."""

    info = Info("files", "Files", _SETTINGS, gives_stamps=False, mode="every 5m", store="path")

    def check(self, settings: dict[str, Any]) -> None:
        """The folder must be there and the mapping must be one."""
        if not settings.get("path"):
            raise UsageError("The files connector needs a folder: --set path=FOLDER.")
        path = Path(settings["path"])
        if not path.exists():
            raise UsageError("The folder {folder} does not exist; make it, or name another: --set path=FOLDER.",
                             folder=path)  # fmt: skip
        self.layout(settings)

    def layout(self, settings: dict[str, Any]) -> Layout:
        """The mapping of an integration, or Cuadra's own layout."""
        return load(Path(settings["mapping"])) if settings.get("mapping") else own_layout()

    def offers(self, settings: dict[str, Any], place: Place, progress: Progress) -> list[Offer]:
        """The sets of the folder, by name."""
        layout = self.layout(settings)
        found: list[Offer] = []
        for candidate in sets.discover(Path(settings["path"]), layout):
            offer = SetOffer(candidate, layout, place, int(settings.get("chunk", 5000)))
            offer.seal(progress)
            found.append(offer)
        return found

    def reader(self, description: dict[str, Any], place: Place) -> Reader:
        """The reader of a set taken earlier."""
        files = msgspec.convert(description["files"], list[SetFile])
        layout = msgspec.convert(description["layout"], Layout)
        return reader(files, layout, place.time_zone, place.currency)
