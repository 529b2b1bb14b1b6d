from pathlib import Path

import pytest

from worker.inbox.mounts import find_remote_type

TABLE = rb"""22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 27 0:50 / /srv/share rw,relatime shared:7 master:2 - nfs4 host:/export rw,vers=4.2
41 40 8:1 / /srv/share/local rw - xfs /dev/sda1 rw
42 27 0:51 / /srv/with\040space rw - cifs //host/share rw
43 27 0:52 / /srv/sshfs rw - fuse.sshfs host: rw
44 27 0:53 / /srv/twice rw - nfs host:/a rw
45 44 8:2 / /srv/twice rw - ext4 /dev/sdb1 rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/inbox", None),
        ("/srv/share", "nfs4"),
        ("/srv/share/ward/3", "nfs4"),
        ("/srv/shared", None),  # not below the share, only named like it
        ("/srv/share/local/inbox", None),
        ("/srv/with space/inbox", "cifs"),
        ("/srv/sshfs/inbox", "fuse.sshfs"),
        ("/srv/twice", None),
    ],
)
def test_the_mount_that_a_folder_lies_on_decides(
    tmp_path: Path, folder: str, kind: str | None
) -> None:
    table = tmp_path / "mountinfo"
    table.write_bytes(TABLE)
    assert find_remote_type(Path(folder), table) == kind


def test_this_machine_has_a_local_temporary_folder(tmp_path: Path) -> None:
    assert find_remote_type(tmp_path) is None


def test_without_a_table_nothing_is_known_to_be_remote(tmp_path: Path) -> None:
    assert find_remote_type(tmp_path, tmp_path / "none") is None
