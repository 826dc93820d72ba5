"""The fictional customers that live in the simulator: a dozen Dutch, Belgian and German ones and an accountant."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import NAMESPACE_URL, UUID, uuid5

ACTIVE, ARCHIVED = 1, 2
"""Status of system/Divisions; 0 is inactive."""
DEMO_PASSWORD = "exact-demo"  # noqa: S105 - fictional, printed for whoever tries the simulator
_LEGISLATIONS = {"nl": "1", "be": "2", "de": "6"}
_COUNTRIES = {"nl": "NL", "be": "BE", "de": "DE"}


@dataclass(frozen=True)
class Division:
    """An administration at Exact. ``customer`` holds the licence; an accountant reaches other customers' too."""

    environment: str
    code: int
    name: str
    customer: str
    customer_code: int
    city: str
    vat_number: str = ""
    status: int = ACTIVE
    blocking: int = 0
    """0 not blocked, 1 backup or restore, 2 conversion busy, 6 copy data busy."""
    main: bool = False

    @property
    def country(self) -> str:
        return _COUNTRIES.get(self.environment, self.environment.upper())

    @property
    def legislation(self) -> str:
        return _LEGISLATIONS.get(self.environment, "1")

    @property
    def customer_id(self) -> UUID:
        return uuid5(NAMESPACE_URL, f"customer/{self.environment}/{self.customer_code}")


@dataclass(frozen=True)
class User:
    """Somebody with a login at Exact, and the divisions this login reaches."""

    environment: str
    name: str
    """What is typed to log in; an e-mail address."""
    full_name: str
    divisions: tuple[int, ...]
    current: int
    """CurrentDivision: the division last worked in."""
    password: str = DEMO_PASSWORD

    @property
    def id(self) -> UUID:
        return uuid5(NAMESPACE_URL, f"user/{self.environment}/{self.name}")

    def __repr__(self) -> str:
        return f"User({self.environment!r}, {self.name!r})"


@dataclass(frozen=True)
class Directory:
    """Every user and division there is at the start."""

    users: tuple[User, ...]
    divisions: tuple[Division, ...]


_Line = tuple[str, str, str, str, int, tuple[tuple[str, int, int], ...]]
"""environment, city, login, full name, first code, then (administration, status, blocking)."""

_CUSTOMERS: tuple[_Line, ...] = (
    (
        "nl", "Delft", "test@testbv.example", "Tessa Test", 1001001,
        (("Test B.V.", 1, 0), ("Test Webshop B.V.", 1, 0), ("Test B.V. (archief 2019)", 2, 0)),
    ),
    ("nl", "Utrecht", "info@bakkerbv.example", "Bram Bakker", 1002001, (("Bakker B.V.", 1, 0),)),
    (
        "nl", "Zwolle", "kantoor@jansen-techniek.example", "Johanna Jansen", 1003001,
        (("Jansen Installatietechniek B.V.", 1, 0), ("Jansen Onroerend Goed B.V.", 1, 0)),
    ),
    (
        "nl", "Rotterdam", "finance@devrieslogistiek.example", "Daan de Vries", 1004001,
        (
            ("De Vries Logistiek B.V.", 1, 0), ("De Vries Transport B.V.", 1, 0),
            ("De Vries Opslag B.V.", 1, 1), ("De Vries Materieel B.V.", 0, 0), ("De Vries Holding B.V.", 1, 0),
        ),
    ),
    (
        "nl", "Arnhem", "boekhouding@zonneveld.example", "Saar Smit", 1005001,
        (("Stichting Dierenpark Zonneveld", 1, 0),),
    ),
    (
        "nl", "Urk", "visser@visserenzoon.example", "Klaas Visser", 1006001,
        (("Visser & Zoon V.O.F.", 1, 0), ("Visser Visverwerking (opgeheven)", 2, 0)),
    ),
    # Premium customers have codes above ten million.
    (
        "nl", "Eindhoven", "admin@premiumparts.example", "Puck Prins", 10200001,
        (("Premium Parts International B.V.", 1, 0),),
    ),
    (
        "be", "Leuven", "compta@peeters.example", "Pieter Peeters", 3001001,
        (("Brouwerij Peeters NV", 1, 0), ("Peeters Horeca BV", 1, 0)),
    ),
    ("be", "Gent", "info@janssens.example", "Jana Janssens", 3002001, (("Janssens Bouw BV", 1, 0),)),
    (
        "be", "Namur", "bureau@maesdubois.example", "Marie Dubois", 3003001,
        (("Maes Dubois SRL", 1, 0), ("Dubois Conseil SRL", 1, 2)),
    ),
    (
        "de", "Stuttgart", "buchhaltung@mueller-maschinenbau.example", "Max Müller", 4001001,
        (("Müller Maschinenbau GmbH", 1, 0), ("Müller Service GmbH", 1, 0)),
    ),
    ("de", "Köln", "kontor@schmidt-soehne.example", "Sabine Schmidt", 4002001, (("Schmidt & Söhne GmbH", 1, 0),)),
    (
        "de", "Hamburg", "office@weber-handel.example", "Wiebke Weber", 4003001,
        (("Weber Handels GmbH", 1, 0), ("Weber Import GmbH", 1, 6), ("Weber & Weber GbR", 2, 0)),
    ),
)  # fmt: skip

_ACCOUNTANT = "kantoor@vandijk-accountants.example"
_CLIENT_NAMES = (
    "Aalbers", "Blom", "Coster", "Dekker", "Evers", "Faber", "Groot", "Hoekstra", "IJzerman",
    "Kuipers", "Lammers", "Mulder", "Nauta", "Oosterhuis", "Postma", "Riemersma", "Schouten",
)  # fmt: skip
_CLIENT_TRADES = ("Advies B.V.", "Groep B.V.", "Holding B.V.", "Verhuur V.O.F.")


def demo_directory() -> Directory:
    """The customers the demo and the tests meet."""
    divisions: list[Division] = []
    users: list[User] = []
    for line in _CUSTOMERS:
        own = _divisions_of(line)
        divisions += own
        users.append(User(line[0], line[2], line[3], tuple(d.code for d in own), own[0].code))
    office, clients = _accountant()
    codes = tuple(d.code for d in (*office, *clients))
    # The accountant also reaches Bakker B.V., which has a login of its own: two ways to one administration.
    users.append(User("nl", _ACCOUNTANT, "Anneke van Dijk", (1002001, *codes), office[0].code))
    return Directory(tuple(users), (*divisions, *office, *clients))


def _divisions_of(line: _Line) -> list[Division]:
    environment, city, _login, _name, first, rows = line
    return [
        Division(
            environment,
            first + index,
            name,
            rows[0][0],
            first // 1000,
            city,
            vat_number(environment, first + index),
            status,
            blocking,
            main=index == 0,
        )
        for index, (name, status, blocking) in enumerate(rows)
    ]


def _accountant() -> tuple[list[Division], list[Division]]:
    line: _Line = (
        "nl", "Amersfoort", _ACCOUNTANT, "", 2000001,
        (("Van Dijk Accountants B.V.", 1, 0), ("Van Dijk Salaris B.V.", 1, 0), ("Van Dijk Holding B.V.", 1, 0)),
    )  # fmt: skip
    names = [f"{name} {trade}" for name in _CLIENT_NAMES for trade in _CLIENT_TRADES]
    clients = [
        Division(
            "nl", code := 2001001 + index, name, name, 2100 + index, "Amersfoort", vat_number("nl", code),
            status=ARCHIVED if index % 17 == 5 else ACTIVE,  # noqa: PLR2004 - four of them
            blocking=1 if index == 20 else 0,  # noqa: PLR2004 - one of them
            main=True,
        )
        for index, name in enumerate(names)
    ]  # fmt: skip
    return _divisions_of(line), clients


def vat_number(environment: str, code: int) -> str:
    """A VAT number in the country's form; fictional, and not one that passes the checksum on purpose."""
    forms = {"nl": f"NL{code:09d}B01", "be": f"BE0{code:09d}", "de": f"DE{code:09d}"}
    return forms.get(environment, f"{environment.upper()}{code:09d}")
