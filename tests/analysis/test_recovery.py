"""A small version of benchmarks.recovery: the truth of the demo's worlds is found."""

from benchmarks import recovery


def test_rates_of_forty_worlds() -> None:
    mql, deal = recovery.recover_rates(range(1, 41))
    for found in (mql, deal):
        # Nine in ten, give or take what forty worlds leave to chance.
        assert 0.78 <= found.coverage <= 1
        assert abs(found.bias) < recovery.MEANINGFUL
    assert mql.naive_of_closed > 0.3
    assert deal.naive_of_closed > 0.1
    assert deal.naive_of_all < -recovery.MEANINGFUL


def test_forecasts_of_eight_quarters() -> None:
    found = recovery.forecast_quarters(range(1, 9))
    assert found.coverage >= 0.6
    assert found.brier < 0.25
    assert abs(found.bias) < 0.2
