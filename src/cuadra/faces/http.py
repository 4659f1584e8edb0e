"""Pages and API as one listener: what a browser and a program of this machine ask."""

from __future__ import annotations

import os

import cuadra.db as database
from cuadra import observing
from cuadra.faces.api.routes import ROUTES
from cuadra.faces.desk import Desk
from cuadra.faces.ending import end_with
from cuadra.faces.guard import Guard
from cuadra.faces.web import app
from cuadra.settings import Settings


def build() -> Guard:
    """The application of this process's settings; its database must be there and migrated."""
    settings = Settings.load()
    observing.configure(settings.log or observing.OFF)
    end_with(os.getppid())
    return app.application(Desk(settings, database.conninfo(settings)), ROUTES)
