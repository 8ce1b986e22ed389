"""Disks and folders at their limits."""

from pathlib import Path


def fill(disk: Path) -> None:
    """Fill a disk to its last byte."""
    with open(disk / "filler", "wb", buffering=0) as file:
        for size in (1 << 12, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


def fill_with_files(disk: Path, but: int) -> None:
    """Create files until there is no inode left, and remove some of them."""
    made = []
    try:
        for number in range(10_000):
            made.append(disk / f"file{number}")
            made[-1].touch()
    except OSError:
        pass
    for path in made[-but - 1 : -1]:
        path.unlink()


def long_folder(folder: Path) -> Path:
    """Create a folder whose path is too long for a socket."""
    path = folder / ("long " * 20)
    path.mkdir()
    return path
