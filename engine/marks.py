"""The words that `label.py` writes ↔ where they stand in a file: texts of a PNG, EXIF of a WebP or JPEG. Pure.

In EXIF `parameters` is the UserComment, as A1111 writes it and its like read it, and our JSON the ImageDescription,
with its keyword in front. Nothing else is written, and nothing else is read. Knows nothing of recipes.
"""

from collections.abc import Mapping

from PIL import Image

from engine.label import JSON_KEYWORD, PARAMETERS_KEYWORD

_IMAGE_DESCRIPTION, _EXIF_IFD, _USER_COMMENT = 0x010E, 0x8769, 0x9286
_CODE_BYTES = 8  # EXIF 2.3, 4.6.5: UserComment begins with the name of its code
_OURS = f"{JSON_KEYWORD}:"


def png_texts(image: Image.Image) -> dict[str, str]:
    """What a PNG says under our keywords, as far as it was read: texts may also stand behind the pixels."""
    texts = ((keyword, image.info.get(keyword)) for keyword in (PARAMETERS_KEYWORD, JSON_KEYWORD))
    return {keyword: text for keyword, text in texts if isinstance(text, str)}


def exif_texts(image: Image.Image) -> dict[str, str]:
    """What the EXIF of any picture says under our keywords. Total: what is damaged is as good as nothing."""
    try:
        exif = image.getexif()
        comment, description = exif.get_ifd(_EXIF_IFD).get(_USER_COMMENT), exif.get(_IMAGE_DESCRIPTION)
    except Exception:  # noqa: BLE001 # a stranger's EXIF: whatever is wrong with it, the picture may be good
        return {}
    texts: dict[str, str] = {}
    if isinstance(comment, bytes | str):
        texts[PARAMETERS_KEYWORD] = comment_text(comment) if isinstance(comment, bytes) else comment
    if isinstance(description, str) and description.startswith(_OURS):
        texts[JSON_KEYWORD] = description.removeprefix(_OURS)
    return texts


def exif_of(texts: Mapping[str, str]) -> bytes:
    """EXIF that says what stands under our keywords and nothing else; empty where nothing does."""
    if not texts.keys() & {PARAMETERS_KEYWORD, JSON_KEYWORD}:
        return b""
    exif = Image.Exif()
    if PARAMETERS_KEYWORD in texts:  # big-endian whatever the EXIF around it is, as A1111 has it
        exif.get_ifd(_EXIF_IFD)[_USER_COMMENT] = b"UNICODE\0" + texts[PARAMETERS_KEYWORD].encode("utf-16-be", "replace")
    if JSON_KEYWORD in texts:  # ASCII, as our JSON is
        exif[_IMAGE_DESCRIPTION] = _OURS + texts[JSON_KEYWORD]
    return exif.tobytes()


def comment_text(comment: bytes) -> str:
    """The text of an EXIF UserComment. Total: what is no text of its code comes out as replacement characters."""
    code, words = comment[:_CODE_BYTES].rstrip(b"\0"), comment[_CODE_BYTES:]
    match code:
        case b"UNICODE":
            return words.decode(_utf_16_of(words), "replace").removeprefix("\ufeff")
        case b"ASCII" | b"":
            return words.decode("utf-8", "replace")
        case _:
            return comment.decode("utf-8", "replace")


def _utf_16_of(words: bytes) -> str:
    """A1111 writes big-endian whatever the EXIF around it says, others little; in most texts the high bytes are 0."""
    return "utf-16-be" if words[0::2].count(0) >= words[1::2].count(0) else "utf-16-le"
