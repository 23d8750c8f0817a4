"""Numbers that must be the same on every machine."""

import numpy as np

from torch_parity.values import Stream


def test_the_first_numbers_of_a_stream_are_these() -> None:
    # What changes them changes every fixture.
    assert [x.hex() for x in Stream(0, "suite", "case", "weight_ih").unit(3)] == GOLDEN


def test_a_stream_depends_on_its_names_alone() -> None:
    one = Stream(0, "a").unit(5)
    assert (Stream(0, "a").unit(5) == one).all()
    assert not (Stream(0, "b").unit(5) == one).any()
    assert not (Stream(1, "a").unit(5) == one).any()


def test_numbers_stay_in_their_ranges() -> None:
    stream = Stream("ranges")
    assert np.abs(stream.uniform(0.25, 10_000)).max() <= 0.25
    normal = stream.normal(100_000)
    assert np.abs(normal).max() <= 3
    assert abs(normal.mean()) < 0.02
    assert abs(normal.std() - 1) < 0.02
    assert {stream.integer(2, 4) for _ in range(200)} == {2, 3, 4}
    assert {stream.log_integer(1, 5) for _ in range(1000)} == {1, 2, 3, 4, 5}
    assert stream.unit(0, 3).shape == (0, 3)


#: Read off numpy's PCG64 directly: the top 53 bits of random_raw over 2**53.
GOLDEN = ["0x1.b93cd169bb466p-2", "0x1.f9d07350306a8p-4", "0x1.eb3c7e8a8b9a1p-1"]
