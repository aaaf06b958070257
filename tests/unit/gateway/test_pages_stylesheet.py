"""The stylesheet: every pair of colours that text is written in can be read (WCAG 2.2, 1.4.3)."""

from __future__ import annotations

import re

import pytest

from gateway.pages.rendering import FOLDER

CSS = (FOLDER / "static" / "stadsbeurs.css").read_text(encoding="utf-8")
COLOURS = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", CSS))
COLOURS |= {
    "white": "#ffffff",
    "notice": "#e4ecf3",
    "dark": "#0b2740",
}


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(COLOURS[one]), luminance(COLOURS[other])), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_black_on_white_is_21_to_1() -> None:
    COLOURS.update(black="#000000")
    assert round(contrast("black", "white"), 6) == 21


@pytest.mark.parametrize(
    ("text", "ground"),
    [
        ("ink", "ground"),
        ("ink", "paper"),
        ("ink", "notice"),
        ("soft", "ground"),
        ("soft", "paper"),
        ("brand", "ground"),
        ("brand", "paper"),
        ("brand", "notice"),
        ("in", "paper"),
        ("wrong", "paper"),
        ("wrong", "ground"),
        ("white", "brand"),
        ("white", "dark"),
    ],
)
def test_text_stands_out_from_its_ground(text: str, ground: str) -> None:
    assert contrast(text, ground) >= 4.5


def test_the_stylesheet_brings_nothing_from_elsewhere() -> None:
    assert "url(" not in CSS
    assert "@import" not in CSS
