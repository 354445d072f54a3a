"""`python -m ganforge`: the command, where it is not on the path."""

from ganforge.cli.main import main

if __name__ == "__main__":
    main()
