"""``python -m netyield``: the command, where its script is not on the path."""

from netyield.faces.cli.main import run

if __name__ == "__main__":
    run()
