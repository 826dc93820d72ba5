"""What passes by itself: limits, maintenance, outages, and answers that never came."""

from __future__ import annotations

from core.exact.kinds import FailureKind
from core.exact.rules.rule import SUBJECT_LOOKING, SUBJECT_NOTHING, Reconnect, Rule, Who
from core.i18n import N_

_SLOW_DOWN = N_(
    "Exact Online asks us to wait a little. The connection goes on by itself; you do not have to do anything."
)
_OUTAGE = N_(
    "Exact Online has an outage at the moment. You do not have to do anything; the connection goes on by itself when "
    "Exact Online is back."
)
_NO_ANSWER = N_(
    "Exact Online did not give us a good answer just now. We are trying again and will let you know if you have to do "
    "anything."
)
_OUR_NETWORK = N_(
    "We cannot reach Exact Online at the moment. That is not your doing and you do not have to do anything."
)

WAITING_RULES = (
    Rule(
        key="too_early",
        phrases=(
            "access token not expired",
            "tooearlytorefreshtokens",
            "toegangstoken is nog niet verlopen",
            "access token is nog niet verlopen",
        ),
        kind=FailureKind.TOO_EARLY,
        default=True,
        who=Who.NOBODY,
        reconnect=Reconnect.NO,
        sentence=N_(
            "Exact Online renews access at most once in ten minutes. We go on by ourselves after that."
        ),
        say=_SLOW_DOWN,
        subject=SUBJECT_NOTHING,
    ),
    Rule(
        key="minute_used_up",
        phrases=("x ratelimit minutely remaining 0",),
        kind=FailureKind.RATE_LIMITED,
        who=Who.NOBODY,
        reconnect=Reconnect.NO,
        sentence=N_(
            "The requests that Exact Online allows in one minute are used up. We go on by ourselves in a minute."
        ),
        say=_SLOW_DOWN,
        subject=SUBJECT_NOTHING,
    ),
    Rule(
        key="day_used_up",
        phrases=("x ratelimit remaining 0",),
        kind=FailureKind.RATE_LIMITED,
        who=Who.NOBODY,
        reconnect=Reconnect.NO,
        sentence=N_(
            "The requests that Exact Online allows in one day are used up for this administration. We go on by "
            "ourselves tomorrow."
        ),
        say=N_(
            "Exact Online allows a fixed number of requests a day, and those of today are used up. The connection goes "
            "on by itself tomorrow; you do not have to do anything."
        ),
        subject=SUBJECT_NOTHING,
    ),
    Rule(
        key="rate_limited",
        weak=(
            "rate limit exceeded",
            "too many requests",
            "te veel aanvragen",
            "te veel verzoeken",
            "aanvraaglimiet overschreden",
        ),
        kind=FailureKind.RATE_LIMITED,
        default=True,
        who=Who.NOBODY,
        reconnect=Reconnect.NO,
        sentence=N_(
            "Exact Online has had too many requests from us and asks us to wait. We go on by ourselves."
        ),
        say=_SLOW_DOWN,
        subject=SUBJECT_NOTHING,
    ),
    Rule(
        key="maintenance",
        phrases=(
            "under maintenance",
            "exact online is in onderhoud",
            "is in onderhoud",
            "down for maintenance",
        ),
        weak=(
            "scheduled maintenance",
            "gepland onderhoud",
            "wegens onderhoud",
            "onderhoudswerkzaamheden",
        ),
        kind=FailureKind.OUTAGE,
        who=Who.EXACT,
        reconnect=Reconnect.NO,
        sentence=N_("Exact Online is under maintenance. We try again by ourselves."),
        say=N_(
            "Exact Online is under maintenance at the moment. You do not have to do anything; the connection goes on "
            "by itself afterwards."
        ),
        subject=SUBJECT_NOTHING,
    ),
    Rule(
        key="gateway_fault",
        phrases=("failed to execute the extractvariables", "steps extractvariables executionfailed"),
        weak=("faultstring",),
        kind=FailureKind.OUTAGE,
        who=Who.EXACT,
        reconnect=Reconnect.NOT_YET,
        # The tokens may have been issued all the same (exact-online.md, section 3, "Gateway fault").
        sentence=N_(
            "A fault inside Exact Online, while our access was being renewed. We ask again by ourselves; that "
            "shows whether the consent still holds."
        ),
        say=_NO_ANSWER,
        subject=SUBJECT_LOOKING,
    ),
    Rule(
        key="exact_down",
        weak=(
            "service unavailable",
            "bad gateway",
            "gateway time out",
            "gateway timeout",
            "internal server error",
            "error server error",
            "temporarily unavailable",
            "tijdelijk niet beschikbaar",
            "service niet beschikbaar",
            "dienst niet beschikbaar",
            "interne serverfout",
        ),
        kind=FailureKind.OUTAGE,
        default=True,
        who=Who.EXACT,
        reconnect=Reconnect.NO,
        sentence=N_("Exact Online is down or under maintenance. We try again by ourselves."),
        say=_OUTAGE,
        subject=SUBJECT_NOTHING,
    ),
    Rule(
        key="name_not_found",
        phrases=(
            "name or service not known",
            "getaddrinfo failed",
            "getaddrinfo enotfound",
            "temporary failure in name resolution",
            "could not resolve host",
            "nodename nor servname provided",
            "dns probe finished nxdomain",
        ),
        kind=FailureKind.NOT_SENT,
        who=Who.US,
        reconnect=Reconnect.NO,
        sentence=N_(
            "The address of Exact Online could not be found, so nothing was sent. An admin must check the internet "
            "connection and the DNS of the server."
        ),
        say=_OUR_NETWORK,
        subject=SUBJECT_NOTHING,
    ),
    Rule(
        key="no_secure_connection",
        phrases=(
            "certificate verify failed",
            "certificate has expired",
            "unable to get local issuer certificate",
            "ssl handshake",
            "handshake failure",
            "wrong version number",
        ),
        kind=FailureKind.NOT_SENT,
        who=Who.US,
        reconnect=Reconnect.NO,
        sentence=N_(
            "No secure connection with Exact Online came about, so nothing was sent. An admin must check the clock, "
            "the proxy and the certificates of the server."
        ),
        say=_OUR_NETWORK,
        subject=SUBJECT_NOTHING,
    ),
    Rule(
        key="connection_refused",
        phrases=("connection refused", "econnrefused", "actively refused it", "network is unreachable"),
        kind=FailureKind.NOT_SENT,
        who=Who.US,
        reconnect=Reconnect.NO,
        sentence=N_(
            "The connection with Exact Online was refused before anything was sent. Try again in a few minutes; if it "
            "stays so, an admin must check the firewall of the server."
        ),
        say=_OUR_NETWORK,
        subject=SUBJECT_NOTHING,
    ),
    Rule(
        key="not_reached",
        kind=FailureKind.NOT_SENT,
        default=True,
        who=Who.US,
        reconnect=Reconnect.NO,
        sentence=N_(
            "Exact Online could not be reached and nothing was sent. Check the internet connection of this server, "
            "or try again in a minute."
        ),
        say=_OUR_NETWORK,
        subject=SUBJECT_NOTHING,
    ),
    Rule(
        key="no_answer_in_time",
        phrases=(
            "timed out",
            "timeout was reached",
            "timeout of … exceeded",
            "etimedout",
            "connection reset",
            "econnreset",
            "connection aborted",
            "remote end closed connection",
            "server disconnected",
            "socket hang up",
        ),
        kind=FailureKind.UNKNOWN,
        who=Who.NOBODY,
        reconnect=Reconnect.NOT_YET,
        # Exact may have renewed the access, and we did not hear of it (exact-online.md, section 9, point 2).
        sentence=N_(
            "Exact Online did not answer, or not in time. We ask again by ourselves; that shows whether the "
            "consent still holds."
        ),
        say=_NO_ANSWER,
        subject=SUBJECT_LOOKING,
    ),
    Rule(
        key="unusable_answer",
        phrases=(
            "json decode failed",
            "jsondecodeerror",
            "expecting value line 1 column 1",
            "unexpected token … json",
            "unexpected end of json input",
        ),
        kind=FailureKind.UNKNOWN,
        default=True,
        who=Who.NOBODY,
        reconnect=Reconnect.NOT_YET,
        sentence=N_("Exact Online did not give a usable answer. Nothing is lost: we try again by ourselves."),
        say=_NO_ANSWER,
        subject=SUBJECT_LOOKING,
    ),
)
