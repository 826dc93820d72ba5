"""What is known of one message of Exact Online."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.exact.kinds import FailureKind
from core.i18n import N_


class Who(StrEnum):
    """Who must act."""

    CUSTOMER = "customer"
    CUSTOMER_ADMIN = "customer_admin"
    EXACT = "exact"
    US = "us"
    NOBODY = "nobody"


class Reconnect(StrEnum):
    """Whether connecting again mends it."""

    YES = "yes"
    NO = "no"
    NOT_YET = "not_yet"
    """One message does not tell; the next attempt does."""
    NOT_KNOWN = "not_known"


RECONNECT_WORDS: dict[Reconnect, str] = {
    Reconnect.YES: N_("Yes"),
    Reconnect.NO: N_("No"),
    Reconnect.NOT_YET: N_("Not yet: the next answer of Exact Online tells"),
    Reconnect.NOT_KNOWN: N_("We do not know"),
}

# Exact's screens are Dutch for nearly all our customers, so these are never translated. Sources: exact-online.md,
# section 8; for users, Exact's own "Gebruikers rechten geven".
ADMINISTRATIONS_PATH = (
    "Naam rechtsboven › Mijn Exact Online › Beveiligingscentrum › Machtigingen voor mijn apps › Clickker › "
    "Administraties beheren"
)
USER_PATH = "Gebruikers en rechten › de gebruiker"
USER_ACCESS_PATH = "Gebruikers en rechten › de gebruiker › Administraties: Toegangsrechten"

SUBJECT_RECONNECT = N_("Please connect {customer} with Exact Online again")
SUBJECT_SETTING = N_("A setting in Exact Online for {customer}")
SUBJECT_EXACT = N_("A question for Exact about {customer}")
SUBJECT_NOTHING = N_("Connection of {customer} with Exact Online: nothing to do for you")
SUBJECT_LOOKING = N_("Connection of {customer} with Exact Online: we are looking into it")


@dataclass(frozen=True)
class Rule:
    """One message and its meaning. The texts are marked for translation; ``core.exact.mail`` makes the e-mail.

    ``phrases`` and ``weak`` are written as ``core.exact.pasted.fold`` leaves them; " … " stands for some words
    in between. A phrase is a message of its own; a weak one also stands beside others, so it counts only when no
    phrase of any rule is there.
    """

    key: str
    who: Who
    reconnect: Reconnect
    sentence: str
    """To our people: what happened, and who must do what."""
    say: str
    """To the customer, on the phone and at the top of the e-mail."""
    subject: str
    """Of the e-mail; names ``{customer}``."""
    ask: str = ""
    """What the e-mail asks of the customer, the reconnect step aside."""
    click_path: str = ""
    """At Exact, in the words of its Dutch screens."""
    phrases: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()
    kind: FailureKind | None = None
    """What our own client calls it; None when it is only seen by people."""
    default: bool = False
    """Whether it also stands for every other message of its kind."""
