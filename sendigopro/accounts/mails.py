"""The words of our own mails. What a stranger typed is in none of them, so that nobody writes to others through us."""

from typing import Final

from sendigopro.mail.model import Mail, quoted

SIGN_UP_PATH: Final = "/console/sign-up"
CONFIRM_PATH: Final = "/console/sign-up/confirm"
SIGN_IN_PATH: Final = "/console/sign-in"
FORGOT_PATH: Final = "/console/forgot"
RESET_PATH: Final = "/console/forgot/reset"
INVITATION_PATH: Final = "/console/invitation"
SIGNATURE: Final = "-- \nSendiGoPro at {url}\nThis address does not read mail."


def confirm(recipient: str, *, url: str, token: str) -> Mail:
    return _mail(
        recipient,
        "Confirm your address",
        "Somebody, we hope you, wants a SendiGoPro account with this address.",
        f"Open this link within a day to confirm it:\n{url}{CONFIRM_PATH}?token={token}",
        "If it was not you, do nothing. What was typed is gone within a day.",
        url=url,
    )


def known_already(recipient: str, *, url: str) -> Mail:
    return _mail(
        recipient,
        "You have a sign-in already",
        "Somebody, we hope you, wanted a SendiGoPro account with this address. There is a sign-in for it already.",
        f"Sign in here:\n{url}{SIGN_IN_PATH}",
        f"If you have forgotten the password, choose another here:\n{url}{FORGOT_PATH}",
        "If it was not you, there is nothing to do.",
        url=url,
    )


def reset(recipient: str, *, url: str, token: str) -> Mail:
    return _mail(
        recipient,
        "Choose a new password",
        "Somebody, we hope you, has forgotten the password of this address.",
        f"Open this link within an hour to choose another:\n{url}{RESET_PATH}?token={token}",
        "If it was not you, do nothing. Your password stays as it is.",
        url=url,
    )


def was_reset(recipient: str, *, url: str) -> Mail:
    return _mail(
        recipient,
        "Your password was changed",
        "The password of this address was changed by a link that we had sent to it. Every sign-in before is over.",
        f"If it was not you, somebody else reads your mail. Secure your mailbox, then choose another password:\n"
        f"{url}{FORGOT_PATH}",
        url=url,
    )


def invited(recipient: str, *, url: str, token: str, account: str, role: str) -> Mail:
    """The account's name is cut to what cannot be taken for a link."""
    return _mail(
        recipient,
        "You are invited",
        f'You are asked to join the SendiGoPro account "{quoted(account) or "without a name"}" as'
        f" {role.replace('_', ' ')}.",
        f"Open this link within a week to accept:\n{url}{INVITATION_PATH}?token={token}",
        "If you do not know who this is, do nothing.",
        url=url,
    )


def _mail(recipient: str, subject: str, *paragraphs: str, url: str) -> Mail:
    return Mail(recipient, subject, "\n\n".join([*paragraphs, SIGNATURE.format(url=url)]) + "\n")
