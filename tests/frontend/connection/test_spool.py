"""Where audio waits that memory is too small for."""

from pathlib import Path

import pytest

from frontend.connection.spool import require_usable
from frontend.errors import SettingsError


def test_a_place_that_takes_no_files_is_told_at_start_up(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"limits\.spool_directory .*/file/spool cannot be used: Not a directory"):
        require_usable(tmp_path / "file" / "spool")
    require_usable(tmp_path / "new" / "spool")
    assert list((tmp_path / "new" / "spool").iterdir()) == []
