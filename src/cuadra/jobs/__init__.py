"""The clock and the lanes: puts runs, pipeline and ledger together. No decisions here."""
