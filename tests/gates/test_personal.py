"""Personal data: what is seen with its kind, what a check or a missing context takes away, and redaction both ways."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.gates import find_personal, redact, restore
from ingot.gates.checks import is_card, is_date, is_iban, is_itin, is_npi, is_routing, is_ssn, is_vin, luhn


def kinds(text: str) -> dict[str, str]:
    return {one.kind: text[one.start : one.end] for one in find_personal(text) if one.blocks}


SEEN = [
    ("Her SSN is 212-45-6789.", "ssn", "212-45-6789"),
    ("social security number 212456789", "ssn", "212456789"),
    ("ITIN: 912-78-1234", "itin", "912-78-1234"),
    ("card 4111 1111 1111 1111 exp 10/27", "card", "4111 1111 1111 1111"),
    ("credit card 4111 1111 1111 1112", "card", "4111 1111 1111 1112"),
    ("GB82 WEST 1234 5698 7654 32", "iban", "GB82 WEST 1234 5698 7654 32"),
    ("ABA routing number 011000015", "routing", "011000015"),
    ("Account number: 000123456789", "bank_account", "000123456789"),
    ("MRN: 00482913", "mrn", "00482913"),
    ("NPI 1234567893", "npi", "1234567893"),
    ("Dx: E11.9", "icd10", "E11.9"),
    ("DOB: 03/07/1961", "date_of_birth", "03/07/1961"),
    ("born on March 7, 1961", "date_of_birth", "March 7, 1961"),
    ("call (212) 555-0187", "phone", "(212) 555-0187"),
    ("+49 30 901820 is the office", "phone", "+49 30 901820"),
    ("write to ann.lee@example.org", "email", "ann.lee@example.org"),
    ("from 10.1.2.3 at noon", "ip_address", "10.1.2.3"),
    ("host 2001:db8::1 is up", "ip_address", "2001:db8::1"),
    ("lives at 12 Oak Street, Apt 4, Springfield, IL 62704", "address", "12 Oak Street, Apt 4, Springfield, IL 62704"),
    ("patient Maria Lopez was seen", "name", "Maria Lopez"),
    ("Dear Mr. van Dyke,", "name", "van Dyke"),
    ("Driver's license number D4471920", "drivers_license", "D4471920"),
    ("passport no. 531204477", "passport", "531204477"),
    ("Member ID: XGH449120", "member_id", "XGH449120"),
    ("policy number PN-2201-77", "member_id", "PN-2201-77"),
    ("Medicare 1EG4-TE5-MK73", "member_id", "1EG4-TE5-MK73"),
    ("key AKIAABCDEFGHIJKLMNOP", "api_key", "AKIAABCDEFGHIJKLMNOP"),
    ("VIN 1M8GDM9AXKP042788", "vin", "1M8GDM9AXKP042788"),
    ("She was diagnosed with asthma", "health", "diagnosed with asthma"),
    ("She takes lisinopril 10mg daily", "health", "lisinopril 10mg"),
    ("My phone is 2125550187", "phone", "2125550187"),
    ("Card ending in 4321", "partial_number", "4321"),
    ("username: ann_lee42", "username", "ann_lee42"),
    ("Student ID: S1234567", "account_id", "S1234567"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind", "value"), SEEN)
def test_seen(text: str, kind: str, value: str) -> None:
    assert kinds(text).get(kind) == value


@pytest.mark.parametrize(
    "text",
    [
        "The claim was submitted on 2024-03-07 for 120.50 USD.",
        "Order 4111111111111112 has shipped.",
        "Version 1.2.3 of section 4.5.6.7.8 is out.",
        "Ratio 10:30:15 at 12:45:07.",
        "The part E11 fits the M20 bolt; see table A12.5.",
        "Patients diagnosed with asthma need a referral.",
        "If the patient is diagnosed with asthma, approve.",
        "Dear Customer, thank you for your order.",
        "The patient must call the provider within 30 days.",
        "Total 123456789 units in 2024.",
        "Pay 1234567890 won for item 000-00-0000.",
        "Process 10,000 records per hour, retry 3 times.",
        "The member pays the copay at every visit.",
        "Use SHA-256 and AES-128 in CBC mode.",
    ],
)
def test_left_alone(text: str) -> None:
    assert kinds(text) == {}


def test_check_digits() -> None:
    assert luhn("79927398713")
    assert not luhn("79927398710")
    assert is_card("378282246310005")
    assert not is_card("1234567812345670")
    assert is_npi("1234567893")
    assert not is_npi("1234567890")
    assert is_iban("DE89 3704 0044 0532 0130 00")
    assert not is_iban("DE88 3704 0044 0532 0130 00")
    assert is_routing("021000021")
    assert not is_routing("021000022")
    assert is_ssn("212-45-6789")
    assert not any(map(is_ssn, ("000-12-3456", "666-12-3456", "912-12-3456", "212-00-3456", "212-45-0000")))
    assert is_itin("912-78-1234")
    assert not is_itin("912-12-1234")
    assert is_vin("1M8GDM9AXKP042788")
    assert not is_vin("1M8GDM9A0KP042788")
    assert is_date("29.02.2024")
    assert not is_date("30/30/2024")


def test_a_finding_does_not_hold_the_value() -> None:
    (one,) = [one for one in find_personal("SSN 212-45-6789") if one.kind == "ssn"]
    assert "212" not in repr(one)


def test_equal_values_share_a_token_and_other_texts_keep_theirs() -> None:
    first = redact("SSN 212-45-6789, again SSN 212-45-6789, and SSN 214-45-6789")
    assert first.text == "SSN [SSN_1], again SSN [SSN_1], and SSN [SSN_2]"
    second = redact("SSN 214-45-6789 and SSN 215-45-6789", taken=first.mapping)
    assert second.text == "SSN [SSN_2] and SSN [SSN_3]"
    assert second.mapping.items() >= first.mapping.items()


def test_tokens_in_the_text_are_no_tokens_of_ours() -> None:
    text = "[SSN_1] is no number, SSN 212-45-6789 is. [[SSN_2]]"
    redacted = redact(text)
    assert redacted.text == "[SSN_1] is no number, SSN [SSN_3] is. [[SSN_2]]"
    assert restore(redacted.text, redacted.mapping) == text


PIECES = st.sampled_from(
    ["SSN 212-45-6789", "[SSN_1]", "[SSN_", "1]", "[", "]", "a@b.org", "[EMAIL_1]", " ", "DOB: 03/07/1961", "\n", "MRN: A-99812", "[MRN_2]", "Ann", "patient Maria Lopez"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(PIECES, st.text(max_size=6)), max_size=12).map("".join))
def test_restore_undoes_redact(text: str) -> None:
    redacted = redact(text)
    assert restore(redacted.text, redacted.mapping) == text
    assert all(token not in text for token in redacted.mapping)
    assert not any(one.kind == "ssn" for one in find_personal(redacted.text) if one.blocks)


@pytest.mark.parametrize(
    "piece", ["1", "1 ", "1-", "A ", "a@", "a.", "+1", "0:", "Patient ", "12 Main ", "account 1 ", "Jan 1 "]
)
def test_time_grows_with_the_text_and_not_with_its_square(piece: str) -> None:
    def seconds(size: int) -> float:
        text = (piece * size)[:size]
        best = 9.0
        for _ in range(3):
            started = time.perf_counter()
            find_personal(text)
            best = min(best, time.perf_counter() - started)
        return best

    assert seconds(16_000) < 10 * seconds(4_000) + 0.02
