import errno
import os
from pathlib import Path

import pytest

from worker.inbox.folders import FolderError, Kind, check_folder, count_up_to, list_paths


def kinds(folder: Path) -> dict[bytes, Kind]:
    return {os.path.basename(e.source.path): e.kind for e in list_paths([folder])}


def test_lists_nested_files_in_a_stable_order(tmp_path: Path) -> None:
    for name in ("b/2.dcm", "a/1.dcm", "c.dcm"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = [os.path.relpath(e.source.path, os.fsencode(tmp_path)) for e in list_paths([tmp_path])]
    assert found == [b"a/1.dcm", b"b/2.dcm", b"c.dcm"]


@pytest.mark.parametrize(("files", "counted"), [(0, 1), (1, 1), (2, 2), (5, 3)])
def test_counts_no_further_than_it_needs_to(tmp_path: Path, files: int, counted: int) -> None:
    for number in range(files):
        (tmp_path / str(number)).write_bytes(b"x")
    assert count_up_to(3, [tmp_path]) == counted


def test_a_directory_named_like_a_file_is_walked(tmp_path: Path) -> None:
    (tmp_path / "x.dcm").mkdir()
    (tmp_path / "x.dcm" / "inside").write_bytes(b"x")
    assert kinds(tmp_path) == {b"inside": Kind.CANDIDATE}


@pytest.mark.parametrize("name", ["x.part", "x.TMP", ".hidden", "x.dcm.filepart"])
def test_a_file_still_being_written_is_passed_over(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    assert kinds(tmp_path) == {os.fsencode(name): Kind.UNFINISHED}


def test_json_is_a_sidecar_only_beside_an_image_of_its_name(tmp_path: Path) -> None:
    for name in ("a.png", "a.json", "alone.json"):
        (tmp_path / name).write_bytes(b"x")
    assert kinds(tmp_path) == {
        b"a.png": Kind.CANDIDATE,
        b"a.json": Kind.SIDECAR,
        b"alone.json": Kind.CANDIDATE,
    }


def test_links_and_pipes_inside_a_folder_are_named_but_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"x")
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "to_file").symlink_to(outside / "secret")
    (inbox / "to_folder").symlink_to(outside)
    (inbox / "loop").symlink_to(inbox)
    os.mkfifo(inbox / "pipe")
    assert kinds(inbox) == dict.fromkeys(
        (b"to_file", b"to_folder", b"loop", b"pipe"), Kind.IRREGULAR
    )


def test_a_link_that_a_person_named_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (entry,) = list_paths([tmp_path / "link"])
    assert entry.kind is Kind.CANDIDATE
    assert entry.source.path == os.fsencode(tmp_path / "real")


@pytest.mark.parametrize(
    "name", [b"\xff\xfe.dcm", "Grüße ☃.png".encode(), b"new\nline", b" ", b"a" * 255]
)
def test_any_name_that_the_file_system_allows_is_listed(tmp_path: Path, name: bytes) -> None:
    with open(os.path.join(os.fsencode(tmp_path), name), "wb") as file:
        file.write(b"x")
    assert kinds(tmp_path) == {name: Kind.CANDIDATE}


def test_a_path_that_does_not_exist_is_an_error_that_names_the_mend(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match=r"absent: No such file.*; name a file or folder"):
        list(list_paths([tmp_path / "absent"]))


def test_an_empty_folder_lists_nothing(tmp_path: Path) -> None:
    assert list(list_paths([tmp_path])) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_subfolder_without_permission_is_an_entry_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    assert kinds(tmp_path) == {b"closed": Kind.UNREADABLE_FOLDER}


def test_a_file_of_which_nothing_can_be_told_is_an_entry_for_a_reader_to_refuse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "film.dcm").write_bytes(b"x")
    look = os.lstat

    def refuse(path: bytes) -> os.stat_result:  # a folder that may be listed but not entered
        if path.endswith(b"film.dcm"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return look(path)

    monkeypatch.setattr(os, "lstat", refuse)
    assert kinds(tmp_path) == {b"film.dcm": Kind.CANDIDATE}


def test_an_inbox_must_be_named_and_be_a_folder(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="PNEUMOSCREEN_INBOX"):
        check_folder(None)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FolderError, match="Not a directory"):
        check_folder(tmp_path / "file")
