"""The next action in words: the same ones on every page, in alarms and in files."""

from __future__ import annotations

from core.i18n import N_, _
from core.registrations.next_action import Act, NextAction, Who

WHO_WORDS: dict[Who, str] = {
    Who.SUPPORT: N_("Support"),
    Who.CUSTOMER: N_("The customer, helped by support"),
    Who.CUSTOMER_ADMIN: N_("The customer's Exact administrator, asked by support"),
    Who.ADMIN: N_("An admin of Clickker Connections"),
    Who.EXACT: N_("Nobody here: it is Exact Online"),
    Who.RETRY: N_("Nobody yet: we try again by ourselves"),
    Who.NOBODY: N_("Nobody"),
}
ACT_WORDS: dict[Act, str] = {
    Act.NOTHING: N_("There is nothing to do."),
    Act.CONTINUE: N_("Continue the registration."),
    Act.CONNECT: N_("Connect together with the customer, or send the customer a link."),
    Act.OPEN_LINK: N_("The customer opens the link that was sent, and gives consent."),
    Act.TALK: N_("Talk to the customer, then send the link again."),
    Act.CHOOSE: N_("Choose the administrations and save them."),
    Act.DECIDE: N_("Choose which login the connection runs under."),
    Act.RECONNECT: N_("The customer has to give consent again: reconnect together, or send a link."),
    Act.RESUME: N_("To resume it, set it to Active; then the customer gives a new consent."),
    Act.CHECK: N_("Check now: the answer says what comes next."),
    Act.ADMINISTRATIONS: N_("See which administrations fail, and what each of them needs."),
    Act.UNLINK: N_("Unlink it here, or ask the customer to open it again."),
    Act.AT_EXACT: N_("Put it right at Exact Online; a new consent does not help."),
    Act.SETTINGS: N_("Correct the settings of our app at Exact Online."),
    Act.NETWORK: N_("See whether the server reaches the internet: “clickker doctor” tells."),
    Act.REPORT: N_("Look into it: the log of the server says more."),
    Act.WAIT: N_("It goes on by itself."),
    Act.CONFIRM: N_("Within hours it shows whether the refusal stays."),
    Act.EACH: N_("See below what each registration needs."),
}


def who_words(action: NextAction) -> str:
    """Who acts, in the reader's language."""
    return _(WHO_WORDS[action.who])


def act_words(action: NextAction) -> str:
    """What is to be done, in the reader's language."""
    return _(ACT_WORDS[action.act])


def action_words(action: NextAction) -> str:
    """Both in one line."""
    return _("Who must act: {who}. {what}").format(who=who_words(action), what=act_words(action))
