"""Phone numbers: E.164 in, checked exactly as Google's libphonenumber would, at a tenth of its cost."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import msgspec
import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumberDesc
from phonenumbers.phonenumberutil import COUNTRY_CODE_TO_REGION_CODE

from sendigopro.foundation.personal import Phone
from sendigopro.foundation.problems import Invalid

EXAMPLE = "+4915112345678"
DIGITS_MAX = 15  # ITU-T E.164 §6
CALLING_CODE_DIGITS = (1, 2, 3)
TYPES = (
    "mobile",  # first: it is what is looked for nearly always
    "fixed_line",
    "toll_free",
    "premium_rate",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
)
SEPARATORS = frozenset(" -./()\t\u00a0\u2010\u2011\u2012\u2013\u202f")


class PhoneNumber(msgspec.Struct, frozen=True, gc=False):
    """A valid number; `country` is ISO 3166-1 alpha-2, or 001 for numbers of no country."""

    phone: Phone
    country: str


@dataclass(frozen=True, slots=True)
class Region:
    """One of the countries that share a calling code; a number with its leading digits is its own, valid or not."""

    country: str
    leading_digits: re.Pattern[str] | None
    valid: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Plan:
    """The countries of one calling code, in the library's order, and its possible lengths."""

    code: str
    regions: tuple[Region, ...]
    national_prefix: re.Pattern[str] | None
    """The library strips it where it can, so what begins with it is left to the library."""
    lengths: frozenset[int]


def parse_phone(text: str, *, param: str | None = "to") -> PhoneNumber:
    """Read a number in E.164; `Invalid` says what is wrong with it, and never repeats it."""
    if text[:1] == "+" and text[1:].isdecimal() and text.isascii():
        plan = plan_of(text)
        if plan is not None:
            country = country_in(plan, text[len(plan.code) + 1 :])
            if country is not None:
                return PhoneNumber(Phone(text), country)
    return ask_library(text, param)


def plan_of(text: str) -> Plan | None:
    """Calling codes are a prefix code, so the first one that exists is the right one."""
    for digits in CALLING_CODE_DIGITS:
        plan = plan_for(text[1 : digits + 1])
        if plan is not None:
            return plan
    return None


def country_in(plan: Plan, national: str) -> str | None:
    """The country a national number is valid in; None means: ask the library."""
    if plan.national_prefix is not None and plan.national_prefix.match(national):
        return None
    for region in plan.regions:
        if region.leading_digits is not None:
            if region.leading_digits.match(national):
                return region.country if region.valid.fullmatch(national) else None
        elif region.valid.fullmatch(national):
            return region.country
    return None


@cache
def plan_for(code: str) -> Plan | None:
    """Build the plan of a calling code from the library's metadata, when its first number comes."""
    names: Sequence[str] = COUNTRY_CODE_TO_REGION_CODE.get(int(code), ()) if code.isdecimal() else ()
    if not names or not code:
        return None
    metadata = [(name, PhoneMetadata.metadata_for_region_or_calling_code(int(code), name)) for name in names]
    found = [(name, md) for name, md in metadata if md is not None]
    main = found[0][1]
    prefix = main.national_prefix_for_parsing
    return Plan(
        code=code,
        regions=tuple(region_of(name, md) for name, md in found),
        national_prefix=re.compile(prefix) if prefix else None,
        lengths=frozenset(length for _, md in found for length in general_of(md).possible_length),
    )


def region_of(name: str, metadata: PhoneMetadata) -> Region:
    """A number is valid when it fits the country's general pattern and that of one type; one alone is not enough."""
    of_types = [desc for kind in TYPES if (desc := getattr(metadata, kind)) and desc.national_number_pattern]
    one_of_them = "|".join(with_lengths(desc) for desc in of_types) or "(?!)"
    return Region(
        country=name,
        leading_digits=re.compile(metadata.leading_digits) if metadata.leading_digits else None,
        valid=re.compile(f"(?={with_lengths(general_of(metadata))}$)(?:{one_of_them})"),
    )


def general_of(metadata: PhoneMetadata) -> PhoneNumberDesc:
    return metadata.general_desc or PhoneNumberDesc(national_number_pattern="(?!)")


def with_lengths(desc: PhoneNumberDesc) -> str:
    """A description's pattern, held to its possible lengths where it names any."""
    pattern = f"(?:{desc.national_number_pattern})"
    lengths = [length for length in desc.possible_length or () if length > 0]
    if not lengths:
        return pattern
    return "(?=(?:{})$){}".format("|".join(f"\\d{{{length}}}" for length in lengths), pattern)


def ask_library(text: str, param: str | None) -> PhoneNumber:
    """What the patterns did not settle: numbers the library makes valid by dropping a prefix, and all wrong ones."""
    if fault := fault_in_form(text):
        raise Invalid("invalid_number", fault, param=param)
    try:
        number = phonenumbers.parse(text, None)
    except NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number):
        raise Invalid("invalid_number", fault_in_plan(text), param=param)
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return PhoneNumber(Phone(e164), phonenumbers.region_code_for_number(number) or "001")


def fault_in_form(text: str) -> str | None:
    """What is wrong with a text that is no plus followed by digits, in words its writer understands."""
    if not text.strip():
        return f"The number is empty. Write it with its country code, for example {EXAMPLE}."
    if "+" in text[1:] or not text.removeprefix("+").isdecimal() or not text.isascii():
        if all(letter in SEPARATORS or letter == "+" or (letter.isascii() and letter.isdecimal()) for letter in text):
            return f"The number contains spaces or punctuation. Write a plus and digits only, for example {EXAMPLE}."
        return f"This is not a phone number: it has characters other than digits. Write it like {EXAMPLE}."
    if text.startswith("00"):
        return f"The number begins with 00. Write a plus instead, for example {EXAMPLE}."
    if text.startswith("0"):
        return f"This is a national number. Replace its first 0 by a plus and the country code, for example {EXAMPLE}."
    if not text.startswith("+"):
        return f"The number has no country code. Write it with a plus in front, for example {EXAMPLE}."
    if text.startswith("+0"):
        return f"No country code begins with 0. Write the whole number, for example {EXAMPLE}."
    return None


def fault_in_plan(text: str) -> str:
    """Why a plus and digits are still no number anybody could have."""
    plan = plan_of(text)
    if plan is None:
        return f"No country has this country code. Write the whole number, for example {EXAMPLE}."
    length = len(text) - 1 - len(plan.code)
    if length < min(plan.lengths):
        return f"The number is too short for country code +{plan.code}. Use the full number, for example {EXAMPLE}."
    if length > max(plan.lengths) or length + len(plan.code) > DIGITS_MAX:
        return f"The number is too long for country code +{plan.code}. Use the full number, for example {EXAMPLE}."
    if length not in plan.lengths:
        return f"The number has the wrong length for country code +{plan.code}. Check it and send it again."
    return f"No such number is in use under country code +{plan.code}. Check it and send it again."
