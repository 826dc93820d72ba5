"""One plain sentence a failure: what happened, and who must do what."""

from __future__ import annotations

from core.i18n import N_, _

_BY_KIND = {
    "not_sent": N_(
        "Exact Online could not be reached and nothing was sent. Check the internet connection of this server, "
        "or try again in a minute."
    ),
    "unknown": N_("Exact Online did not give a usable answer. Nothing is lost: try again in a few minutes."),
    "outage": N_(
        "Exact Online is down or under maintenance. Nobody has to do anything: try again when it is back."
    ),
    "rate_limited": N_(
        "Exact Online has had too many requests from us and asks us to wait. Try again a little later."
    ),
    "too_early": N_("Exact Online renews access at most once in ten minutes. Try again in ten minutes."),
    "refused": N_("Exact Online no longer accepts this consent. Ask the customer to connect again."),
    "not_authenticated": N_(
        "Exact Online did not accept our access. Try again; if that does not help, ask the customer to connect "
        "again."
    ),
    "forbidden": N_(
        "Exact Online does not allow this for the connected user. Ask the customer to check the rights of that "
        "user in Exact Online."
    ),
    "bad_request": N_(
        "Exact Online did not understand our request. Report this to an admin of Clickker Connections, with the "
        "words of Exact Online."
    ),
    "client": N_(
        "Exact Online does not know our app: the client id or the client secret is wrong. An admin must correct "
        "the settings of this environment."
    ),
    "ours": N_(
        "Something went wrong on our side, not at Exact Online. Tell an admin of Clickker Connections; the log "
        "says more."
    ),
}

# What Exact says with a 403, in the text or in the header Reason (exact-online.md, sections 2 and 7).
_BY_FORBIDDEN_WORD = {
    "within division scope": N_(
        "The customer has not permitted this administration for our app. Ask the customer to add it in Exact "
        "Online, under Security centre."
    ),
    "wrongdivision": N_(
        "The connected Exact Online user cannot open this administration. Ask the customer to permit it in Exact "
        "Online, under Security centre."
    ),
    "nodivisionaccess": N_(
        "The connected Exact Online user has no access to this administration. Ask the customer's administrator "
        "to give access in Exact Online."
    ),
    "application scope violated": N_(
        "Our app lacks a right at Exact Online. An admin must add it to the app in the Exact App Center."
    ),
    "blockeduser": N_(
        "The connected Exact Online user is blocked. Ask the customer's administrator to unblock the user."
    ),
    "inactiveuser": N_(
        "The connected Exact Online user is not active any more. Ask the customer to connect again with another "
        "user."
    ),
    "blockedcustomer": N_("Exact has blocked this customer. The customer must settle this with Exact."),
    "licenseexpired": N_(
        "The customer's licence for Exact Online has expired. The customer must settle this with Exact."
    ),
    "divisionblocked": N_(
        "Exact Online has blocked this administration for now, for instance during a backup. Try again later."
    ),
}


def sentence_for(kind: str, exact_message: str = "") -> str:
    """The sentence for a failure of this ``kind`` (``FailureKind``), in the current language.

    An unknown kind, from an older or newer version, reads as "unknown".
    """
    if kind == "forbidden":
        heard = exact_message.lower()
        for word, sentence in _BY_FORBIDDEN_WORD.items():
            if word in heard:
                return _(sentence)
    return _(_BY_KIND.get(kind, _BY_KIND["unknown"]))
