"""Limits that are divided among the workers."""

import dataclasses

import pytest

from frontend.config.services import Postprocess
from frontend.config.settings import Media, Server, Settings, Triton
from frontend.workers.shares import share_of


def settings(workers: int) -> Settings:
    return Settings(
        server=Server(workers=workers),
        triton=Triton(max_in_flight=4, asr_in_flight=16),
        media=Media(workers=2, recordings=8, max_waiting=64),
        postprocess=Postprocess(max_at_once=5, max_waiting=0),
    )


@pytest.mark.parametrize("workers", [1, 2, 3, 4])
def test_the_shares_are_together_what_is_set(workers: int) -> None:
    shares = [share_of(settings(workers), seat) for seat in range(workers)]
    assert sum(share.triton.max_in_flight for share in shares) == 4
    assert sum(share.triton.asr_in_flight for share in shares) == 16
    assert sum(share.media.recordings for share in shares) == 8
    assert sum(share.postprocess.max_at_once for share in shares) == 5
    assert {share.postprocess.max_waiting for share in shares} == {0}


def test_everybody_has_one_at_least() -> None:
    assert [share_of(settings(3), seat).media.workers for seat in range(3)] == [1, 1, 1]


def test_alone_all_is_as_it_is_set() -> None:
    assert share_of(settings(1), 0) == settings(1)


def test_nothing_else_changes() -> None:
    share = share_of(settings(2), 0)
    assert share.limits == settings(2).limits
    assert share.server.max_connections == settings(2).server.max_connections
    assert dataclasses.replace(share.triton, max_in_flight=4, asr_in_flight=16) == settings(2).triton
