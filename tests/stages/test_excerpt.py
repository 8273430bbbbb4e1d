"""What a finding shows of an input: the lines that matter of a long text, all of a short one."""

from decimal import Decimal

from ingot.stages.excerpt import SHORT, WIDE, shown_input

LONG = (
    "Head\n" + "filler line\n" * 100 + "   Order / Rev:     4711     Page 1\n   Alt Order:       99\n" + "more\n" * 50
)


def test_a_short_input_is_shown_whole() -> None:
    assert shown_input({"a": 1, "b": "x"}, ["x"], ["y"]) == '{"a":1,"b":"x"}'


def test_a_long_text_is_shown_around_what_is_wanted_and_what_was_found() -> None:
    shown = shown_input({"text": LONG}, ["4711"], ["99"])
    assert "Order / Rev:     4711" in shown
    assert "text around the found '99'" in shown
    assert len(shown) < 2 * SHORT
    assert "more\nmore" not in shown


def test_values_over_several_lines_are_found() -> None:
    text = "NO 1, HIGH STREET,\n  12345 TOWN\n" + "x\n" * 400
    assert "12345 TOWN" in shown_input({"text": text}, ["NO 1, HIGH STREET, 12345 TOWN"], [""])


def test_a_value_that_the_text_does_not_hold_is_said() -> None:
    assert "does not hold the expected '8888'" in shown_input({"text": LONG}, ["8888"], [""])


def test_without_a_text_to_look_in_the_beginning_is_shown() -> None:
    shown = shown_input({"rows": list(range(400))}, [1], [2])
    assert shown.endswith("...")
    assert len(shown) == SHORT


def test_of_a_wide_input_what_is_filled_in_is_shown() -> None:
    wide = {f"amount_{number:03}": Decimal(0) for number in range(60)} | {"married": False, "wage": Decimal("1200.50")}
    shown = shown_input(wide, [Decimal(5)], [None])
    assert shown == '(without what is 0, false, null or empty) {"wage":"1200.50"}'
    many = {f"amount_{number:03}": Decimal(number) for number in range(200)}
    assert len(shown_input(many, [1], [2])) < WIDE + 60
