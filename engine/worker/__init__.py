"""The other side of the wall: `python -m engine.worker`, the only code that imports torch (with engine/pocket)."""
