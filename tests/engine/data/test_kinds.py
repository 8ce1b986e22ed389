"""Files of other kinds are called what they are, with what to do."""

import io
import json
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from mnistop.engine.data.sources import load
from mnistop.engine.errors import DataError

TABLE = b"label,1x1,1x2\n5,0,255\n"


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, TABLE)
    return file.getvalue()


def tar_gz() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        member = tarfile.TarInfo("train.csv")
        member.size = len(TABLE)
        archive.addfile(member, io.BytesIO(TABLE))
    return file.getvalue()


def safetensors() -> bytes:
    header = json.dumps({"i": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}}).encode()
    header = header.ljust(0x3C)  # the length begins as a web page does, with <
    return len(header).to_bytes(8, "little") + header


OTHERS = {
    "cut.zip": (zipped("a.txt")[:-30], "a damaged zip archive"),
    "one.png": (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    "one.jpg": (b"\xff\xd8\xff\xe0", "a JPEG picture"),
    "data.tar.gz": (tar_gz(), "a tar archive, gzipped"),
    "data.xlsx": (zipped("[Content_Types].xml", "xl/workbook.xml"), "an Excel table"),
    "data.json": (b'{"images": []}', "a JSON file"),
    "data.tfrecord": (b"\x10" + bytes(40), "a TensorFlow record file"),
    "model.safetensors": (safetensors(), "a safetensors file"),
    "failed": (b"<!DOCTYPE html>", "a web page"),
}


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [(name, *rest) for name, rest in OTHERS.items()],
    ids=list(OTHERS),
)
def test_another_kind_is_named_with_what_to_do(
    tmp_path: Path, name: str, content: bytes, kind: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as told:
        load(str(tmp_path / name))
    sentence = str(told.value)
    assert sentence.startswith(f"{tmp_path / name} is {kind}")
    assert ", which cannot be read: " in sentence
    assert sentence.endswith(".")


def test_a_file_that_a_json_file_describes_is_named(tmp_path: Path) -> None:
    (tmp_path / "dataset_info.json").write_text("{}")
    (tmp_path / "mnist-train.tfrecord-00000-of-00001").write_bytes(b"\x10" + bytes(40))
    with pytest.raises(DataError, match="in it is a TensorFlow record file"):
        load(str(tmp_path))


def test_a_folder_of_zip_archives_is_to_be_unpacked(tmp_path: Path) -> None:
    (tmp_path / "train.csv.zip").write_bytes(zipped("train.csv"))
    with pytest.raises(DataError, match=r"is a zip archive: unpack it, or name it itself\."):
        load(str(tmp_path))


@pytest.mark.parametrize("name", ["train.csv", "x_train.npy", "train.parquet", "pipe"])
def test_a_pipe_is_not_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    for source in (tmp_path / name, tmp_path):
        with pytest.raises(DataError, match=r"not a regular file|neither IDX"):
            load(str(source))


def test_an_unknown_kind_says_so(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"\x01\xfe\x00\x07" * 20)
    with pytest.raises(DataError, match="not an IDX file, nor of another known kind"):
        load(str(tmp_path / "data"))


def test_a_folder_of_pictures_says_that_it_is_one(tmp_path: Path) -> None:
    (tmp_path / "train" / "3").mkdir(parents=True)
    (tmp_path / "train" / "3" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(DataError, match=r"has pictures, such as train/3/1\.png, but not in"):
        load(str(tmp_path))
