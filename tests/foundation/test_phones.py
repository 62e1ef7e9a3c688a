"""Numbers are taken and refused exactly as libphonenumber takes and refuses them, and refusals can be understood."""

import random
import subprocess
import sys

import phonenumbers
import pytest
from phonenumbers import PhoneMetadata
from phonenumbers.phonenumberutil import COUNTRY_CODE_TO_REGION_CODE

from sendigopro.foundation import phones
from sendigopro.foundation.phones import parse_phone
from sendigopro.foundation.problems import Invalid

RANDOM_NUMBERS = 4000
FAULTS = [
    ("", "is empty"),
    ("   ", "is empty"),
    ("hello", "characters other than digits"),
    ("+49\u0663\u0664\u0665\u0661\u0662\u0663\u0664\u0665", "characters other than digits"),  # Arabic digits
    ("+4915112345678\x00", "characters other than digits"),
    ("+49 151 12345678", "spaces or punctuation"),
    ("+1 (202) 555-0123", "spaces or punctuation"),
    ("++4915112345678", "spaces or punctuation"),
    ("+", "spaces or punctuation"),
    ("004915187654321", "begins with 00"),
    ("015187654321", "national number"),
    ("15187654321", "no country code"),
    ("+0151123456", "No country code begins with 0"),
    ("+2100000000", "No country has this country code"),
    ("+4912", "too short"),
    ("+120255501234", "too long"),
    ("+120255", "too short"),
    ("+12020550123", "No such number"),  # an exchange never begins with 0
    ("+4915112345678901234567890", "too long"),
]


def random_number(rng: random.Random) -> str:
    """Near misses more than noise: an example of the library's, its tail changed, sometimes with a prefix too many."""
    code = rng.choice([*COUNTRY_CODE_TO_REGION_CODE])
    region = rng.choice(COUNTRY_CODE_TO_REGION_CODE[code])
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
    kinds = [getattr(metadata, kind) for kind in phones.TYPES]
    examples = [desc.example_number for desc in kinds if desc is not None and desc.example_number]
    national = rng.choice([*examples, "0" * rng.randint(3, 14)])
    kept = rng.randint(0, len(national))
    tail = "".join(rng.choice("0123456789") for _ in national[kept:])
    return f"+{code}{rng.choice(['', '', '', '', '0', '1'])}{national[:kept]}{tail}"


def by_library(text: str) -> tuple[str, str | None] | None:
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return e164, phonenumbers.region_code_for_number(number)


def by_us(text: str) -> tuple[str, str | None] | None:
    try:
        found = parse_phone(text)
    except Invalid:
        return None
    return found.phone.reveal(), found.country


def test_we_take_and_refuse_exactly_what_the_library_does() -> None:
    rng = random.Random(20)  # noqa: S311  # the same numbers every time
    numbers = [random_number(rng) for _ in range(RANDOM_NUMBERS)]
    expected = [by_library(number) for number in numbers]

    assert [by_us(number) for number in numbers] == expected
    assert RANDOM_NUMBERS / 4 < sum(answer is not None for answer in expected) < RANDOM_NUMBERS * 3 / 4


def test_nearly_all_valid_numbers_never_reach_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    examples = []
    for region in phonenumbers.SUPPORTED_REGIONS:
        number = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
        if number is not None:
            examples.append(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    asked = []
    monkeypatch.setattr(phones, "ask_library", lambda text, _: asked.append(text))

    for example in examples:
        parse_phone(example)

    assert len(asked) < len(examples) / 20


@pytest.mark.parametrize(("text", "told"), FAULTS)
def test_each_kind_of_wrong_number_is_told_apart(text: str, told: str) -> None:
    with pytest.raises(Invalid) as refusal:
        parse_phone(text)

    assert told in refusal.value.detail
    assert (refusal.value.code, refusal.value.param) == ("invalid_number", "to")


def test_a_refusal_never_repeats_the_number() -> None:
    for text, _ in FAULTS:
        with pytest.raises(Invalid) as refusal:
            parse_phone(text)
        assert len(text.strip()) < 4 or text not in str(refusal.value)


def test_a_number_shows_neither_itself_nor_its_country_code_when_printed() -> None:
    assert "49" not in repr(parse_phone("+4915112345678"))


def test_loading_the_numbering_plans_costs_little_memory() -> None:
    program = """
import os, re, dataclasses, msgspec
def rss(): return int(open('/proc/self/statm').read().split()[1]) * os.sysconf('SC_PAGE_SIZE') / 1e6
before = rss()
from sendigopro.foundation.phones import parse_phone
for text in ('+4915112345678', '+12025550123', '+447911123456', '+33612345678'): parse_phone(text)
print(rss() - before)
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert float(done.stdout) < 30
