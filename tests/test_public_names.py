"""What ``import ingot`` offers."""

from importlib import resources
from pathlib import Path

import ingot


def test_every_public_name_is_there_and_shown() -> None:
    for name in ingot.__all__:
        assert getattr(ingot, name) is not None
    assert set(dir(ingot)) >= set(ingot.__all__)


def test_verify_takes_the_path_alone_and_trusts_the_users_own_key(tmp_path: Path) -> None:
    spec = resources.files("ingot.library").joinpath("starter", "spec.yaml").read_text(encoding="utf-8")
    (tmp_path / "spec.yaml").write_text(spec, encoding="utf-8")
    code = """def permit_fee(zone: Literal["A", "B"], months: int, resident: bool) -> Decimal:
    total = months * (Decimal("30.00") if zone == "A" else Decimal("18.00"))
    return (total / 2).quantize(Decimal("0.01"), ROUND_HALF_UP) if resident else total  # C1, C2, C3
"""
    made = ingot.check(tmp_path / "spec.yaml", code, out=tmp_path / "out")
    assert made.path is not None
    verified = ingot.verify(str(made.path))
    assert verified.digest == made.digest
    assert verified.path == made.path
