"""A consent that brings nothing to choose from, or that Exact does not let anybody give."""

from __future__ import annotations

from core.exact.kinds import FailureKind
from core.exact.rules.rule import (
    ADMINISTRATIONS_PATH,
    SUBJECT_RECONNECT,
    SUBJECT_SETTING,
    USER_ACCESS_PATH,
    Reconnect,
    Rule,
    Who,
)
from core.i18n import N_

NO_DIVISION = "Me: no current division"
"""Our own words: there is no number with which the list can be asked for."""
NOTHING_SHOWN = "Divisions: the list is empty"
"""Our own words for a list without a single administration: it comes as a good answer."""

FIRST_CONSENT_RULES = (
    Rule(
        key="no_current_division",
        phrases=("me no current division",),
        kind=FailureKind.FORBIDDEN,
        who=Who.CUSTOMER,
        reconnect=Reconnect.NO,
        sentence=N_(
            "The Exact user has no administration open at Exact Online, so there is nothing through which to ask for "
            "the list. Ask the customer to log in there and open an administration; then read the list again."
        ),
        say=N_("The Exact user that the connection runs under has no administration open at Exact Online."),
        ask=N_(
            "Would you log in at Exact Online as that user and open one of your administrations? You do not have to "
            "connect again. If there is none to open, ask your Exact administrator for access."
        ),
        click_path=USER_ACCESS_PATH,
        subject=SUBJECT_SETTING,
    ),
    Rule(
        key="nothing_shown",
        phrases=("divisions the list is empty",),
        kind=FailureKind.FORBIDDEN,
        who=Who.CUSTOMER,
        reconnect=Reconnect.NO,
        sentence=N_(
            "Exact Online shows us no administration: none was permitted for our app, or the Exact user has access to "
            "none. Call the customer, who permits them in the Security centre, or asks the Exact administrator for "
            "access; then read the list again."
        ),
        say=N_(
            "You have connected, but Exact Online shows us no administration: none has been permitted for our app, or "
            "the user you logged in with has access to none."
        ),
        ask=N_(
            "Would you permit your administrations in Exact Online, as the user who made the connection? If the list "
            "there is empty, ask your Exact administrator for access first. You do not have to connect again."
        ),
        click_path=ADMINISTRATIONS_PATH,
        subject=SUBJECT_SETTING,
    ),
    Rule(
        key="several_users",
        phrases=(
            "account is configured for multiple users",
            "account is configured for several users",
            "account is used by multiple users",
            "account is used by several users",
            "account is used by more than one user",
            "account is linked to multiple users",
            "account is ingesteld voor meerdere gebruikers",
            "account is gekoppeld aan meerdere gebruikers",
            "account is aan meerdere gebruikers gekoppeld",
            "account wordt gebruikt door meerdere gebruikers",
        ),
        weak=("not support this type of account", "ondersteunen dit type account niet"),
        kind=FailureKind.FORBIDDEN,
        who=Who.CUSTOMER,
        reconnect=Reconnect.YES,
        # Exact's own words, at the making of a connection: its incident of 3 to 10 April 2026, status.exact.com.
        sentence=N_(
            "The login belongs to several Exact users at once, and Exact Online makes no connection for such an "
            "account. Ask the customer to connect again with an account that belongs to one user."
        ),
        say=N_(
            "The account you logged in with at Exact Online belongs to several users at once, and Exact makes no "
            "connection for such an account."
        ),
        ask=N_(
            "Would you connect again with an account of one Exact user? Your Exact administrator can see and change "
            "which users belong to an account."
        ),
        subject=SUBJECT_RECONNECT,
    ),
)
