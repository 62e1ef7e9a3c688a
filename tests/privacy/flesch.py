"""Flesch's reading ease (1948): 206.835 - 1.015 words a sentence - 84.6 syllables a word. 60 is plain English."""

import re

SENTENCE = re.compile(r"[.!?]+(?:\s|$)")
WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")
GROUPS = re.compile(r"[aeiouy]+")
# A silent e at the end of a word or before its ending; and an ed that is not spoken.
SILENT = re.compile(
    r"(?<=[^aeiouytd])ed$|(?<=[^aeiouyl])e$|(?<=[^aeiouylcgsxz])es$|(?<=[^aeiouyl])e(?=ly$|ment$|ful$|less$)"
)
# Vowels that stand together and are spoken apart.
APART = re.compile(r"ia(?!l$|n$|ge)|io(?!n|us)|eo(?![np])|ua(?!r)|uo|iu|ying$|eing$")


def syllables(word: str) -> int:
    """As a reader would clap; near enough for an average."""
    lower = word.lower().strip("'-")
    return sum(max(1, claps(part)) for part in re.split(r"[-']", lower) if len(part) > 1) or 1


def claps(part: str) -> int:
    spoken = SILENT.sub("", part)
    return len(GROUPS.findall(spoken)) + len(APART.findall(spoken))


def reading_ease(text: str) -> float:
    """The higher the easier: 100 very easy, 60 plain, 30 a learned paper."""
    sentences = max(1, len(SENTENCE.findall(text)))
    words = WORD.findall(text)
    return 206.835 - 1.015 * len(words) / sentences - 84.6 * sum(map(syllables, words)) / len(words)
