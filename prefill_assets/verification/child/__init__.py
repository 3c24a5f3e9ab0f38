"""What runs in the verification processes: standard library only, started with `python -I -S`, model-written code included.

Nothing here may import the rest of the package: the worker sees this folder alone.
"""
