import errno
import hashlib
import os

import pytest

from pipeline.files import read_file, read_small_file


def test_gives_digest_and_content(write):
    path = write("a", b"content")
    assert read_file(path, 100) == (hashlib.sha256(b"content").hexdigest(), b"content")
    assert read_file(os.fsencode(path), 100)[1] == b"content"


def test_a_file_beyond_the_limit_is_digested_but_not_held(write):
    path = write("a", bytes(3_000_000))
    assert read_file(path, 1000) == (hashlib.sha256(bytes(3_000_000)).hexdigest(), None)


def test_what_is_no_regular_file_is_not_read(tmp_path, write):
    target = write("a", b"content")
    link, fifo = tmp_path / "link", tmp_path / "fifo"
    link.symlink_to(target)
    os.mkfifo(fifo)
    before = len(os.listdir("/proc/self/fd"))
    for path, expected in ((link, errno.ELOOP), (fifo, errno.EINVAL), (tmp_path, errno.EINVAL)):
        with pytest.raises(OSError) as refused:  # noqa: PT011 - the number is looked at
            read_file(path, 100)
        assert refused.value.errno == expected
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "missing", 100)
    assert read_small_file(tmp_path / "missing", 100) is None


def test_a_small_file_shows_when_it_is_too_long(write):
    assert read_small_file(write("a", b"123456"), 3) == b"1234"


def test_a_name_that_is_too_long_is_no_small_file(tmp_path):
    assert read_small_file(tmp_path / ("x" * 252 + ".json"), 10) is None
