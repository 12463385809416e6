"""Run by pytest, which starts the cluster itself: python3 -m pytest python/pytest_fdfs.py"""

import fdfs
import pytest


def test_gives_what_was_stored(fastdfs):
    group, name = fdfs.upload(fastdfs.trackers[0], b"hello", "txt")
    assert fdfs.download(fastdfs.trackers[0], group, name) == b"hello"


def test_says_that_the_file_is_gone(fastdfs):
    fault = {"match": {"command": "downloadFile"}, "effect": {"status": 2}}
    fastdfs.control("POST", "/faults", fault)
    group, name = fdfs.upload(fastdfs.trackers[0], b"hello")
    with pytest.raises(fdfs.StatusError, match="status 2"):
        fdfs.download(fastdfs.trackers[0], group, name)
