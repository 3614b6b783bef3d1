"""Addresses of clusters that mean the same one."""

from __future__ import annotations

import pytest

from tailrace.engines.flink.http import place_of


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://localhost:8081", "http://127.0.0.1:8081"),
        # a proxy may have a cluster behind each such name, and each address its own listener
        ("http://flink.localhost:8081", "http://flink.localhost:8081"),
        ("http://127.0.1.1:8081", "http://127.0.1.1:8081"),
        ("http://[::1]:8081", "http://127.0.0.1:8081"),
        ("http://Flink.Example.:80/", "http://flink.example"),
        ("https://flink:443/a/", "https://flink/a"),
        ("https://flink:80", "https://flink:80"),
        ("http://[fd00::1]:8081", "http://[fd00::1]:8081"),
        ("http://localhost.example:8081", "http://localhost.example:8081"),
    ],
)
def test_one_place_has_one_address(url: str, place: str):
    assert place_of(url) == place
