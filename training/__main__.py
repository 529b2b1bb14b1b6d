"""The entry point of ``python -m training COMMAND``."""

from training.cli.app import main

if __name__ == "__main__":
    main()
