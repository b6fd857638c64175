"""`python -m tests.pictures`: draw the pictures of `docs/pictures` anew."""

from tests.pictures import FOLDER, PICTURES

if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, draw in PICTURES.items():
        (FOLDER / name).write_text(draw())
