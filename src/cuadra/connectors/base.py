"""The contract of a connector: declare yourself, receive raw things, read them. Never touches our database.

A connector hands over two things that do not know each other:

* a *source* (I/O): walks a platform or a folder and yields `Chunk`s of raw receipts with the cursor at which to go on;
* a *reader* (pure): turns one raw receipt into a `Read`, the same way today and in a year.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct

from cuadra.clock import utc_now
from cuadra.model import (
    BranchRead,
    CategoryRead,
    Complaint,
    Covered,
    CustomerRead,
    Entity,
    OrderRead,
    ProductRead,
)

Value = OrderRead | CustomerRead | ProductRead | CategoryRead | BranchRead
Evidence = dict[str, Any]
Progress = Callable[[int, int | None, str], None]
"""Called with (done, total or None, what): drives a progress bar; it may raise to interrupt."""


class Raw(Struct):
    """One raw thing that arrived, byte for byte, and where it stood. `sequence` is when the source was read, in
    microseconds, or the sequence of its file set: of two versions without a stamp the higher one is newer."""

    kind: Entity
    body: bytes
    sequence: int
    file_no: int | None = None
    line: int | None = None
    arrival: str = ""
    """`webhook` where it came as one; else empty, for whoever stores it says how it came."""
    asked: dict[str, Any] | None = None
    """Of an answer to a question: which `id` was asked for, and the `status` that came back."""


class Chunk(Struct):
    """Receipts to store together, and the cursor that says where receiving goes on after them."""

    raws: list[Raw]
    cursor: dict[str, Any]


class Read(Struct):
    """What a reader made of a receipt.

    With a `value` it could be read. A `hint` (evidence) says that something happened to the thing without saying what it
    is now: it is to be fetched, and the receipt is never applied. Without either, `identifier` (if the source's number was readable) and `refused`
    (reason, evidence) say what became of it; `complaints` name every bad field with its place.
    """

    entity: Entity
    identifier: str | None = None
    value: Value | None = None
    refused: tuple[str, Evidence] | None = None
    complaints: list[Complaint] = []
    warnings: dict[str, Evidence] = {}
    hint: Evidence | None = None
    absent: Evidence | None = None
    """The source was asked for this very thing and says that it does not exist; the proof."""


Reader = Callable[[Raw], Read]


class SettingSpec(Struct, frozen=True):
    """One setting of a connector, described as data: forms, validation, masking and docs derive from it."""

    name: str
    help_en: str
    help_es: str
    required: bool = False
    secret: bool = False
    place: bool = False
    """A path of this machine: kept from the root on, for the next command may be given elsewhere."""


class Calls(Struct):
    """What was asked of a source, by kind of call."""

    counts: dict[str, int] = {}

    def note(self, what: str) -> None:
        """Count one more."""
        self.counts[what] = self.counts.get(what, 0) + 1

    @property
    def total(self) -> int:
        return sum(self.counts.values())


class Source(Protocol):
    """An opened source of one integration."""

    def receive(self, cursor: dict[str, Any], progress: Progress) -> Iterator[Chunk]:
        """Yield everything after `cursor`, in chunks that are stored before the next one is asked for."""
        ...

    def reader(self) -> Reader:
        """The pure function that reads what this source yields."""
        ...


class Pacing(Protocol):
    """So much asking and no more, whoever asks: calls, or what they cost where a platform counts that."""

    def wait(self, cost: float = 1.0) -> None:
        """Wait for one's turn."""
        ...

    def give_back(self, cost: float, left: float | None = None) -> None:
        """So much less was used than had been drawn. `left`: what the platform itself says is left."""
        ...

    def pause(self, seconds: float) -> None:
        """Nobody calls for so long: the source has asked for it."""
        ...


class PaceMaker(Protocol):
    """Makes a pace of so much a second; `burst`: so much may be used at once by who has used nothing for a while."""

    def __call__(self, per_second: float, burst: float = 0.0) -> Pacing: ...


class Vault(Protocol):
    """The credentials of an integration as they are kept now, for those that a platform renews."""

    def alone(self) -> AbstractContextManager[object]:
        """Nobody else renews them meanwhile, on any host."""
        ...

    def get(self, name: str) -> str | None:
        """One of them; None where there is none."""
        ...

    def put(self, name: str, value: str) -> None:
        """Keep a new value, for good, before it is used."""
        ...


class Place(Struct, frozen=True):
    """What a connector may know of where it works: the account's defaults, an empty folder of its own, its credentials,
    and what has been read of its source so far."""

    currency: str
    time_zone: str
    work: Path
    secrets: Mapping[str, Revealed] = {}
    covered: Sequence[Covered] = ()
    now: Callable[[], datetime] = utc_now
    since: datetime | None = None
    """Orders created before this are not to be imported; None: the connector's own beginning."""
    patience: float | None = None
    """Seconds that an answer may take, where a person waits for it; None: as long as it takes."""
    pace: PaceMaker | None = None
    """Makes a pace that is shared with all who ask the same source; None: one's own."""
    file: Path | None = None
    """Take what is in this file, and nothing else: somebody has fetched it from the source by himself."""
    vault: Vault | None = None
    """Where renewed credentials are kept; None: they are forgotten with the connection."""


class Revealed(Protocol):
    """A credential that shows itself only where it is used."""

    def reveal(self) -> str: ...


class Offer(Protocol):
    """Something that a source has for us to take: a file set, the orders changed since the last look."""

    name: str
    is_set: bool
    """A set of files, noted as such; else a listing of a live source."""
    arrival: str
    """How its receipts come: `file`, `backfill`, `poll`."""
    covers: Sequence[Covered]
    """What has been read of the source when this has been received to its end."""
    sequence: int
    digest: bytes
    """Of names and contents, where the same offer can come twice; empty where it cannot."""
    description: dict[str, Any]
    """Everything a reader needs to read its receipts again, as JSON."""
    source_count: int | None
    """The source's own count of orders, if it gives one."""
    problem: tuple[str, Evidence] | None
    """(reason, evidence) of an offer that cannot be taken as it is."""
    notes: dict[str, Any]
    """What people should see before use: guessed dialects, unknown columns."""
    corrections: Sequence[Any]
    """Corrected rows of earlier offers, where this one brings some: they are taken instead of its receipts."""

    def open(self, progress: Progress) -> Source:
        """Make it ready. May find a problem that only a look inside shows: then raises `OfferProblem`."""
        ...


class OfferProblem(Exception):
    """An offer that cannot be taken, or not to its end: what it brought until then is in."""

    def __init__(self, reason: str, evidence: Evidence) -> None:
        self.reason, self.evidence = reason, evidence
        super().__init__(reason)


class Connector(Protocol):
    """Code for one platform."""

    info: Info

    def check(self, settings: dict[str, Any]) -> None:
        """Refuse settings that cannot work. Raises UsageError or InputError naming the setting."""
        ...

    def offers(self, settings: dict[str, Any], place: Place, progress: Progress) -> list[Offer]:
        """What there is to take now, in the order in which it is to be taken."""
        ...

    def reader(self, description: dict[str, Any], place: Place) -> Reader:
        """The reader of receipts taken earlier, from what their offer said of itself."""
        ...


class Profile(Struct, frozen=True):
    """One way to make the first import: which states of orders are left out of it."""

    name: str
    title_en: str
    title_es: str
    without: tuple[str, ...] = ()


class Info(Struct, frozen=True):
    """What a connector says about itself."""

    name: str
    title: str
    settings: tuple[SettingSpec, ...]
    gives_stamps: bool
    """Whether orders carry the source's own update time."""
    live: bool = False
    """It is a `LiveConnector`: its source can be asked, and sends notices."""
    profiles: tuple[Profile, ...] = ()
    """Ways to make the first import, the usual one first."""
    completion: str | None = None
    """The state that says that an order is done: not written to the source before the stock is written off."""
    mode: str = "realtime"
    """When a new integration runs by itself (`cadence`)."""
    settle: timedelta = timedelta(minutes=30)
    """How long after a change the source may still not show it."""
    takes_file: bool = False
    """It can take what somebody has fetched from the source by himself (`Place.file`)."""
    store: str = ""
    """The setting that names the shop at its platform: two integrations with the same one are two ways to one store."""
    headers: str = ""
    """How the headers of its notices begin, in lower case: they are kept, but for signatures."""
    signed_by: str | None = None
    """The credential that notices are signed with, where the platform decides; None: a secret of our own."""


# ---------------------------------------------------------------- sources that can be asked, and that send notices


class Ping(Struct, frozen=True):
    """The source asks whether anybody is there. It is answered, and nothing is kept."""


class Delivery(Struct, frozen=True):
    """A genuine notice. `entity` is None for a topic that is not used: it is answered, and nothing is kept."""

    entity: Entity | None
    topic: str
    webhook: str


class Told(Struct, frozen=True):
    """A genuine notice that is of no order: what a platform says of the integration itself, or asks about a person. It is
    kept apart from receipts, and `subject` is all that is kept of it.

        uninstalled     the shop has thrown us out: {at}
        erase_person    forget a buyer: {id, email, phone, orders}, as far as it is said
        export_person   hand out what is known of a buyer: the same
        erase_store     forget all buyers of the shop: {}
    """

    kind: str
    topic: str
    webhook: str
    """The platform's own number of the notice: one that comes again is known by it."""
    subject: dict[str, Any] = {}


class Rejected(Struct, frozen=True):
    """What is not taken, and why."""

    reason: str
    evidence: Evidence


class Look(Struct):
    """What a source said when it was asked for things. Each answer is a receipt: `Raw.asked` says what it answers, and
    an answer that the thing does not exist is one too."""

    raws: list[Raw] = []
    calls: list[Evidence] = []
    """Each request: {request, status, at, ms, found}."""
    trouble: tuple[str, Evidence] | None = None
    """(reason, evidence) if it could not be asked, or not to the end."""


class Entry(Struct, frozen=True):
    """One order of a census: as much of it as shows whether ours is the same."""

    id: str
    state: str | None
    created: datetime | None
    stamp: datetime | None
    total: Decimal | None
    refunds: dict[str, Decimal]
    """Refund → amount given back, not negative."""


class Finding(Struct, frozen=True):
    """One thing looked at. `values` fill the text; `good` None is a remark. `reason` is a code of the catalogue, where
    there is one."""

    good: bool | None
    text: str
    values: dict[str, Any] = {}
    reason: str | None = None


class Subscription(Struct, frozen=True):
    """Notices of one topic that the source sends, as it lists them."""

    id: str
    topic: str
    url: str
    state: str
    """active, paused, disabled"""


class Shop(Protocol):
    """An open connection to a source. Every method raises `connectors.trouble.Trouble` (a reason with its proof) where the
    source does not give what was asked for, unless it says otherwise."""

    calls: Calls

    def fetch(self, kind: Entity, ids: Sequence[str], *, patient: bool = True) -> Look:
        """Things by their own ids, in as few calls as the source allows. Never raises Trouble: the look has it, beside
        whatever was found before. Not `patient`: a person waits, nothing is tried twice."""
        ...

    def search(self, kind: str, text: str) -> Look:
        """Orders by their `number` or by the buyer's `email`. A person waits. Never raises Trouble."""
        ...

    def census(self, start: datetime, end: datetime) -> Iterator[list[Entry]]:
        """Every order created from `start` to before `end`, whatever its state, in a light listing; one that is moved
        meanwhile may be missed, and is to be asked for by its id before anything is said of it."""
        ...

    def count(self, start: datetime, end: datetime) -> int:
        """The source's own count of orders created from `start` to before `end`, whatever their state."""
        ...

    def reach(self) -> datetime | None:
        """Orders created before are not shown to us, and nothing says so; None: all are."""
        ...

    def time_zone(self) -> str | None:
        """The store's own time zone, by its name (`America/Bogota`); None where it does not tell, or has none with a
        name."""
        ...

    def counts(self, since: datetime) -> dict[str, int]:
        """Orders created since then, by state."""
        ...

    def examine(self, address: str | None) -> Iterator[Finding]:
        """Look, without writing, whether everything is there that the integration needs: permissions by name, currency,
        time zone, notices that reach `address`, an order read end to end. Never raises Trouble: it is a finding."""
        ...

    def cured(self, reasons: Collection[str]) -> frozenset[str]:
        """Which of these warnings on its orders the source would not give cause for any more: what they are on is asked
        for again."""
        ...

    def subscriptions(self) -> list[Subscription]:
        """The notices that the source sends to anybody."""
        ...

    def subscribe(self, topics: Sequence[str], url: str, secret: str) -> list[Subscription]:
        """Ask for notices. One that exists for the same topic and address is used again, and made active."""
        ...

    def unsubscribe(self, ids: Sequence[str]) -> None:
        """End notices; those that are gone already are no error."""
        ...

    def set_state(self, order: str, state: str) -> Raw:
        """Give an order a state; returns the order as the source has it then. Tried once."""
        ...

    def close(self) -> None: ...


class LiveConnector(Connector, Protocol):
    """A connector whose source can be asked and sends notices."""

    topics: tuple[str, ...]
    """The notices to ask for."""

    def judge(self, settings: dict[str, Any], headers: Mapping[str, str], body: bytes,
              secret: str) -> Ping | Delivery | Told | Rejected:  # fmt: skip
        """What a request to the integration's address is. Pure, and quick: the source waits. `headers` have lower-case
        names; `secret` is the one that notices are signed with."""
        ...

    def open(self, settings: dict[str, Any], place: Place) -> Shop:
        """Connect. Raises UsageError without credentials."""
        ...
