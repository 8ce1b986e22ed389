"""The `mnistop` command; `python -m mnistop` is the same.

Training processes import this module again, so it imports nothing until it is called.
"""


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    try:
        import os

        from mnistop.tui.terminal import garbage_collection

        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy would start as many to no end
        garbage_collection.put_off()  # until all that the command needs is loaded
        from mnistop.tui.cli.entry import run

        run()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except (MemoryError, ImportError, OSError) as error:
        from mnistop.engine.errors import host_error

        if lack := host_error(error):
            raise SystemExit(f"mnistop: {lack}") from None
        raise


if __name__ == "__main__":
    main()
