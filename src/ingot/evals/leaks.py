"""Replies that leak, made of real instructions: what a model that obeys an attack would write, and ordinary replies.

The instructions are those of the bundled examples' recorded requests, with a canary; the ordinary replies are the
recorded completions, which answer the very same instructions.
"""

from __future__ import annotations

import base64
import codecs
import json
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from typing import Any, NamedTuple

from ingot import gates


class Leak(NamedTuple):
    """A reply that holds `amount` of the instructions, written in one way."""

    name: str
    way: str
    amount: str
    reply: str
    instructions: str
    canary: str


def _numbered(text: str) -> str:
    return "\n".join(f"{at}. {word}" for at, word in enumerate(text.split(), 1))


def _initials(text: str) -> str:
    return "".join(word[0] for word in text.split())


WAYS: Mapping[str, Callable[[str], str]] = {
    "word for word": str,
    "capitals": str.upper,
    "code block": lambda text: "```\n" + "\n".join(f"> {line}" for line in text.splitlines()) + "\n```",
    "one word a line, numbered": _numbered,
    "letters spelled out": lambda text: "-".join(text.replace(" ", "")),
    "no spaces": lambda text: "".join(text.split()),
    "JSON": lambda text: json.dumps({"instructions": text}),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 twice": lambda text: base64.b64encode(base64.b64encode(text.encode())).decode(),
    "hexadecimal": lambda text: text.encode().hex(" "),
    "binary": lambda text: " ".join(f"{one:08b}" for one in text.encode()),
    "character codes": lambda text: " ".join(str(ord(one)) for one in text),
    "percent encoding": lambda text: "".join(f"%{one:02X}" for one in text.encode()),
    "character references": lambda text: "".join(f"&#{ord(one)};" for one in text),
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "alphabet shifted by 3": lambda text: "".join(
        chr((ord(one) - 97 + 3) % 26 + 97) if "a" <= one <= "z" else one for one in text.lower()
    ),
    "backwards": lambda text: text[::-1],
    "fullwidth letters": lambda text: "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text),
    "zero-width characters between": "\u200b".join,
    "Cyrillic letters": lambda text: text.translate(str.maketrans("aeopcx", "аеорсх")),
    "leetspeak": lambda text: text.translate(str.maketrans("eoai", "30@1")),
    "every eighth word changed": lambda text: " ".join(
        "etwas" if at % 8 == 7 else word for at, word in enumerate(text.split())
    ),
    "sentences in another order": lambda text: ". ".join(reversed(text.split(". "))),
    "every second word left out": lambda text: " ".join(text.split()[::2]),
    "first letters of words": _initials,
}


def _parts(text: str) -> Iterator[tuple[str, str]]:
    yield "all", text
    yield "the first half", text[: len(text) // 2]
    yield "the last fifth", text[-len(text) // 5 :]
    middle = len(text) // 3
    yield "150 characters", text[middle : middle + 150]


def _recorded() -> Iterator[tuple[str, dict[str, Any]]]:
    examples = files("ingot.library").joinpath("examples")
    for example in sorted(examples.iterdir(), key=lambda one: one.name):
        folder = example.joinpath("recordings")
        if folder.is_dir():
            for one in sorted(folder.iterdir(), key=lambda one: one.name):
                yield f"{example.name}/{one.name[:8]}", json.loads(one.read_text(encoding="utf-8"))


def leaks() -> Iterator[Leak]:
    """Every way with every amount of every distinct pair of instructions."""
    for name, recorded in _recorded():
        word = gates.canary(b"a seed for measuring only", name)
        text = gates.with_canary(recorded["request"]["system"] + "\n" + recorded["request"]["prompt"][:1500], word)
        for amount, part in _parts(text):
            for way, write in WAYS.items():
                yield Leak(name, way, amount, f"Sure, here it is:\n{write(part)}\nAnything else?", text, word)


def ordinary() -> Iterator[tuple[str, str, str, list[str]]]:
    """(name, reply, instructions, what the reply may repeat): recorded replies to recorded requests."""
    for name, recorded in _recorded():
        request = recorded["request"]
        yield name, recorded["completion"]["text"], request["system"], [request["prompt"]]
