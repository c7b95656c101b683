"""What is on a picture that the model which ships drew, as far as a test needs to know."""

from PIL import Image


def colour_at(image: Image.Image, x: float, y: float) -> tuple[int, ...]:
    """The colour at a place in [0, 1] from the left and from above; each part in [0, 255]."""
    found = image.getpixel((int(x * (image.width - 1)), int(y * (image.height - 1))))
    assert isinstance(found, tuple)
    return tuple(int(value) for value in found)


def is_red_on_blue(image: Image.Image) -> bool:
    """Red in the middle, blue in the corner."""
    middle, corner = colour_at(image, 0.5, 0.5), colour_at(image, 0.03, 0.03)
    return middle[0] > middle[2] and corner[2] > corner[0]
