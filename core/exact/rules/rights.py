"""403: the Exact user, the administration, the subscription or the app's rights do not permit it.

The words are those of the text and of the header Reason (exact-online.md, sections 2 and 7).
"""

from __future__ import annotations

from core.exact.kinds import FailureKind
from core.exact.rules.rule import (
    ADMINISTRATIONS_PATH,
    SUBJECT_EXACT,
    SUBJECT_NOTHING,
    SUBJECT_RECONNECT,
    SUBJECT_SETTING,
    USER_ACCESS_PATH,
    USER_PATH,
    Reconnect,
    Rule,
    Who,
)
from core.i18n import N_

RIGHTS_RULES = (
    Rule(
        key="outside_division_scope",
        phrases=(
            "not within division scope",
            "niet binnen de division scope",
            "buiten de division scope",
            "administratie valt buiten de scope",
        ),
        kind=FailureKind.FORBIDDEN,
        who=Who.CUSTOMER,
        reconnect=Reconnect.NO,
        sentence=N_(
            "The customer has not permitted this administration for our app. Ask the customer to add it in Exact "
            "Online, under Security centre."
        ),
        say=N_(
            "Exact Online does not let us into one of your administrations, because it has not been permitted for our "
            "app."
        ),
        ask=N_(
            "Would you add this administration in Exact Online? Log in as the user who made the connection. You do not "
            "have to connect again."
        ),
        click_path=ADMINISTRATIONS_PATH,
        subject=SUBJECT_SETTING,
    ),
    Rule(
        key="wrong_division",
        phrases=(
            "wrongdivision",
            "wrong division",
            "verkeerde administratie",
        ),
        kind=FailureKind.FORBIDDEN,
        who=Who.CUSTOMER,
        reconnect=Reconnect.NO,
        sentence=N_(
            "The connected Exact Online user cannot open this administration. Ask the customer to permit it in Exact "
            "Online, under Security centre."
        ),
        say=N_(
            "The Exact user that the connection runs under cannot open one of your administrations in our app."
        ),
        ask=N_(
            "Would you permit this administration in Exact Online? If it is not in the list there, ask your Exact "
            "administrator to give this user access to it first."
        ),
        click_path=ADMINISTRATIONS_PATH,
        subject=SUBJECT_SETTING,
    ),
    Rule(
        key="no_division_access",
        phrases=(
            "nodivisionaccess",
            "no division access",
            "not have access to the requested division",
            "not have access to this division",
            "not have access to this company",
            "t have access to this company",
            "t have access to the requested division",
            "t have access to this division",
            "have access to division",
            "geen toegang tot de gevraagde administratie",
            "geen toegang tot deze administratie",
        ),
        kind=FailureKind.FORBIDDEN,
        who=Who.CUSTOMER_ADMIN,
        reconnect=Reconnect.NO,
        sentence=N_(
            "The connected Exact Online user has no access to this administration. Ask the customer's administrator "
            "to give access in Exact Online."
        ),
        say=N_("The Exact user that the connection runs under has no access to one of your administrations."),
        ask=N_("Would you ask your Exact administrator to give this user access to the administration?"),
        click_path=USER_ACCESS_PATH,
        subject=SUBJECT_SETTING,
    ),
    Rule(
        key="scope_violated",
        phrases=(
            "application scope violated",
            "application scope has been violated",
            "applicationscopeviolated",
            "scope van de applicatie geschonden",
            "applicatiescope geschonden",
        ),
        kind=FailureKind.FORBIDDEN,
        who=Who.US,
        reconnect=Reconnect.NO,
        sentence=N_(
            "Our app lacks a right at Exact Online. An admin must add it to the app in the Exact App Center."
        ),
        say=N_(
            "Our app still lacks a right at Exact. We are arranging that with Exact; you do not have to do anything "
            "now."
        ),
        subject=SUBJECT_NOTHING,
    ),
    Rule(
        key="blocked_user",
        phrases=(
            "blockeduser",
            "blocked user",
            "user is blocked",
            "user has been blocked",
            "user has been marked as blocked",
            "gebruiker is geblokkeerd",
            "account is geblokkeerd",
            "geblokkeerde gebruiker",
        ),
        kind=FailureKind.FORBIDDEN,
        who=Who.CUSTOMER_ADMIN,
        reconnect=Reconnect.NO,
        sentence=N_(
            "The connected Exact Online user is blocked. Ask the customer's administrator to unblock the user."
        ),
        say=N_("The Exact user that the connection runs under is blocked in Exact Online."),
        ask=N_(
            "Would you ask your Exact administrator to unblock this user? The connection then works again by itself."
        ),
        click_path=USER_PATH,
        subject=SUBJECT_SETTING,
    ),
    Rule(
        key="inactive_user",
        phrases=(
            "inactiveuser",
            "inactive user",
            "user is inactive",
            "user account is inactive",
            "user is not active",
            "user is no longer active",
            "gebruiker is inactief",
            "gebruiker is niet actief",
            "gebruiker is niet meer actief",
            "inactieve gebruiker",
        ),
        kind=FailureKind.FORBIDDEN,
        who=Who.CUSTOMER,
        reconnect=Reconnect.YES,
        sentence=N_(
            "The connected Exact Online user is not active any more. Ask the customer to connect again with another "
            "user."
        ),
        say=N_("The Exact user that the connection runs under is not active any more in Exact Online."),
        ask=N_("Would you connect again, as an Exact user who is active?"),
        subject=SUBJECT_RECONNECT,
    ),
    Rule(
        key="blocked_customer",
        phrases=(
            "blockedcustomer",
            "blocked customer",
            "customer is blocked",
            "customer has been blocked",
            "customer has been marked as blocked",
            "klant is geblokkeerd",
            "geblokkeerde klant",
        ),
        kind=FailureKind.FORBIDDEN,
        who=Who.CUSTOMER,
        reconnect=Reconnect.NO,
        sentence=N_("Exact has blocked this customer. The customer must settle this with Exact."),
        say=N_("Exact has blocked your Exact Online for the moment; we cannot change that ourselves."),
        ask=N_(
            "Would you contact Exact about this? Once Exact has lifted it, the connection works again by itself."
        ),
        subject=SUBJECT_EXACT,
    ),
    Rule(
        key="licence_expired",
        phrases=(
            "licenseexpired",
            "licenceexpired",
            "license expired",
            "licence expired",
            "license has expired",
            "licence has expired",
            "license is expired",
            "license of … has expired",
            "licence of … has expired",
            "subscription has expired",
            "subscription expired",
            "licentie verlopen",
            "licentie is verlopen",
            "licentie van … is verlopen",
            "abonnement verlopen",
            "abonnement is verlopen",
        ),
        kind=FailureKind.FORBIDDEN,
        who=Who.CUSTOMER,
        reconnect=Reconnect.NO,
        sentence=N_(
            "The customer's licence for Exact Online has expired. The customer must settle this with Exact."
        ),
        say=N_("According to Exact, your licence for Exact Online has expired."),
        ask=N_(
            "Would you renew it, or contact Exact about it? Once the licence is in order, the connection works again "
            "by itself."
        ),
        subject=SUBJECT_EXACT,
    ),
    Rule(
        key="division_blocked",
        phrases=(
            "divisionblocked",
            "division blocked",
            "division is blocked",
            "division has been blocked",
            "company has been marked as blocked",
            "company is blocked",
            "company has been blocked",
            "administratie is geblokkeerd",
            "administratie is tijdelijk geblokkeerd",
            "geblokkeerde administratie",
        ),
        kind=FailureKind.FORBIDDEN,
        who=Who.NOBODY,
        reconnect=Reconnect.NO,
        sentence=N_(
            "Exact Online has blocked this administration for now, for instance during a backup. It goes on by "
            "itself."
        ),
        say=N_(
            "Exact Online has closed this administration for a while, for instance to make a backup. You do not have "
            "to do anything; the connection goes on by itself."
        ),
        subject=SUBJECT_NOTHING,
    ),
    Rule(
        key="forbidden",
        phrases=(
            "403 access denied",
            "403 toegang geweigerd",
            "verboden toegang geweigerd",
        ),
        weak=(
            "403 forbidden",
            "forbidden",
            "403 verboden",
        ),
        kind=FailureKind.FORBIDDEN,
        default=True,
        who=Who.CUSTOMER_ADMIN,
        reconnect=Reconnect.NO,
        # The four causes of a bare "Forbidden", as Exact's own help lists them and integrators repeat it.
        sentence=N_(
            "Exact Online does not allow this and does not say why. Ask the customer's administrator to check the "
            "rights of the connected user, the user's access to the administration, whether the administration is "
            "permitted for our app, and whether the licence covers it."
        ),
        say=N_(
            "Exact Online refuses us something and does not say why: the user that the connection runs under lacks a "
            "right or access to the administration, the administration is not permitted for our app, or your licence "
            "does not cover it."
        ),
        ask=N_(
            "Would you ask your Exact administrator to check these four: the rights of this user, the user's access to "
            "the administration, the administrations permitted for our app, and your licence?"
        ),
        click_path=USER_PATH,
        subject=SUBJECT_SETTING,
    ),
)
