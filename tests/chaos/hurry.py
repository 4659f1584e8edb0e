"""The program with shorter pauses: nobody waits half an hour for a shop to settle, nor ten minutes for a CRM's second
chance. What is done, and in which order, stays as it is."""

from __future__ import annotations

import os
from datetime import timedelta

from msgspec import structs

from cuadra.connectors import http
from cuadra.connectors.shopify import ShopifyConnector, bulk
from cuadra.connectors.woocommerce import WooCommerceConnector
from cuadra.destinations import wait
from cuadra.jobs import live, problems, relinking, schedules, worker, working

CENSUS = "CUADRA_ACCIDENTS_CENSUS"
"""Seconds between two comparisons with a shop: the more orders it has, the longer one takes."""


def hurry() -> None:
    """For this process and, where it is called when a module is loaded, for those it spawns."""
    for one in (WooCommerceConnector, ShopifyConnector):
        one.info = structs.replace(one.info, settle=timedelta(0))
    bulk.POLL_SECONDS, bulk.MOST_POLL_SECONDS = 0.2, 1.0
    http.PATIENCE = http.Patience(timeout=5.0, first_pause=0.05, unsaid=0.2, longest=2.0)
    problems.FIRST_PAUSE, problems.LONGEST_PAUSE, problems.MENDED_PAUSE = 0.5, 3.0, 1.0
    wait.PAUSES = tuple(timedelta(seconds=seconds) for seconds in (0.5, 1, 2, 4, 5, 8))
    relinking.FIRST_PAUSE, relinking.LONGEST_PAUSE = timedelta(seconds=1), timedelta(seconds=4)
    working.FIRST_REST, working.LONGEST_REST = 1.0, 5.0
    live.CENSUS_EVERY = timedelta(seconds=float(os.environ.get(CENSUS, 15)))
    schedules.OF_LIVE = {schedules.HEALTH: "every 10s"}
    schedules.OF_ACCOUNT = {**schedules.OF_ACCOUNT, schedules.SWEEP: "every 5s"}
    worker.AFTER_FAULT = 3.0
